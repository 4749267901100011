"""The native hooks for x86-64 hosts: System V's calling convention, Windows' for the block hook.

What each does stands in `emuload.machine.hooks.native`, what the cells are in `emuload.machine.hooks.cells` (here: byte offsets).
Arguments: rdi uc, rsi, rdx, rcx, r8, r9; `user`, the last one, is the address of the cells.
"""

from __future__ import annotations

BLOCK = bytes.fromhex(
    "89d0"  # mov eax, edx
    "4c8d0406"  # lea r8, [rsi + rax]   (end)
    "48833900"  # cmp qword [rcx], 0
    "7e0c"  # jle used
    "482901"  # run: sub [rcx], rax
    "48897118"  # mov [rcx + 24], rsi   (start)
    "4c894120"  # mov [rcx + 32], r8   (end)
    "c3"  # ret
    "48397120"  # used: cmp [rcx + 32], rsi   (end)
    "74ee"  # je run
    "48c7411001000000"  # mov qword [rcx + 16], 1   (stopped)
    "ff6108"  # jmp qword [rcx + 8]   (uc_emu_stop; rdi still holds uc)
)
BLOCK_WINDOWS = bytes.fromhex(
    "4489c0"  # mov eax, r8d
    "4c8d1402"  # lea r10, [rdx + rax]   (end)
    "49833900"  # cmp qword [r9], 0
    "7e0c"  # jle used
    "492901"  # run: sub [r9], rax
    "49895118"  # mov [r9 + 24], rdx   (start)
    "4d895120"  # mov [r9 + 32], r10   (end)
    "c3"  # ret
    "49395120"  # used: cmp [r9 + 32], rdx   (end)
    "74ee"  # je run
    "49c7411001000000"  # mov qword [r9 + 16], 1   (stopped)
    "41ff6108"  # jmp qword [r9 + 8]   (stop)
)
LOG = bytes.fromhex(
    "89d0"  # mov eax, edx
    "4c8d0406"  # lea r8, [rsi + rax]   (end)
    "48833900"  # cmp qword [rcx], 0
    "0f8e04010000"  # jle used
    "4883793800"  # go: cmp qword [rcx + 56], 0   (full)
    "0f850a010000"  # jne full
    "4c8b4968"  # mov r9, [rcx + 104]   (ranges)
    "4c8b5170"  # mov r10, [rcx + 112]   (range_count)
    "4d85d2"  # search: test r10, r10
    "7426"  # je chosen
    "4d89d3"  # mov r11, r10
    "49d1eb"  # shr r11, 1
    "4c89da"  # mov rdx, r11
    "48c1e204"  # shl rdx, 4
    "4c01ca"  # add rdx, r9
    "483932"  # cmp [rdx], rsi   (the middle range's end)
    "770c"  # ja left
    "4c8d4a10"  # lea r9, [rdx + 16]
    "4d29da"  # sub r10, r11
    "49ffca"  # dec r10
    "ebda"  # jmp search
    "4d89da"  # left: mov r10, r11
    "ebd5"  # jmp search
    "482901"  # chosen: sub [rcx], rax
    "48897118"  # mov [rcx + 24], rsi   (start)
    "4c894120"  # mov [rcx + 32], r8   (end)
    "4d3b4108"  # cmp r8, [r9 + 8]   (the range's start)
    "0f8694000000"  # jbe outside
    "48c7818000000001000000"  # mov qword [rcx + 128], 1   (inside)
    "48c1e030"  # shl rax, 48
    "4809f0"  # or rax, rsi   (key)
    "4883797800"  # cmp qword [rcx + 120], 0   (skipped)
    "7558"  # jne gap
    "4c8b4948"  # log: mov r9, [rcx + 72]   (slot)
    "48ff4158"  # inc qword [rcx + 88]   (blocks)
    "493901"  # cmp [r9], rax
    "7516"  # jne missed
    "480faf4150"  # next: imul rax, [rcx + 80]   (mult)
    "48c1e831"  # shr rax, 49
    "4c8b5140"  # mov r10, [rcx + 64]   (table)
    "4d8d14c2"  # lea r10, [r10 + rax * 8]
    "4c895148"  # mov [rcx + 72], r10   (slot)
    "c3"  # ret
    "498901"  # missed: mov [r9], rax
    "4c8b4128"  # mov r8, [rcx + 40]   (cursor)
    "498900"  # mov [r8], rax
    "4c8b5158"  # mov r10, [rcx + 88]   (blocks)
    "4d89d3"  # mov r11, r10
    "4c2b5960"  # sub r11, [rcx + 96]   (missed_at)
    "4c895160"  # mov [rcx + 96], r10   (missed_at)
    "4d895808"  # mov [r8 + 8], r11
    "4983c010"  # add r8, 16
    "4c894128"  # mov [rcx + 40], r8   (cursor)
    "4c3b4130"  # cmp r8, [rcx + 48]   (limit)
    "72bf"  # jb next
    "48c7413801000000"  # mov qword [rcx + 56], 1   (full)
    "ebb5"  # jmp next
    "4889c7"  # gap: mov rdi, rax
    "48b8000000000000ffff"  # movabs rax, 0xffff000000000000
    "480b4178"  # or rax, [rcx + 120]   (skipped)
    "48c7417800000000"  # mov qword [rcx + 120], 0   (skipped)
    "e88affffff"  # call log
    "4889f8"  # mov rax, rdi
    "eb85"  # jmp log
    "48014178"  # outside: add [rcx + 120], rax   (skipped)
    "4883b98000000000"  # cmp qword [rcx + 128], 0   (inside)
    "740e"  # je done
    "488b8188000000"  # mov rax, [rcx + 136]   (away)
    "48898180000000"  # mov [rcx + 128], rax   (inside)
    "c3"  # done: ret
    "48397120"  # used: cmp [rcx + 32], rsi   (end)
    "0f84f2feffff"  # je go
    "b801000000"  # mov eax, 1
    "eb05"  # jmp stop
    "b802000000"  # full: mov eax, 2
    "48894110"  # stop: mov [rcx + 16], rax   (stopped)
    "ff6108"  # jmp qword [rcx + 8]   (stop)
)
STEP = bytes.fromhex(
    "4883b98000000000"  # cmp qword [rcx + 128], 0   (inside)
    "0f84b8000000"  # je watch
    "53"  # push rbx
    "51"  # push rcx
    "52"  # push rdx
    "56"  # push rsi
    "57"  # push rdi
    "4889cb"  # mov rbx, rcx
    "488bb398000000"  # mov rsi, [rbx + 152]   (ids)
    "488b93a0000000"  # mov rdx, [rbx + 160]   (pointers)
    "488b8ba8000000"  # mov rcx, [rbx + 168]   (count)
    "ff9390000000"  # call qword [rbx + 144]   (uc_reg_read_batch)
    "488b542408"  # mov rdx, [rsp + 8]   (address)
    "482b5318"  # sub rdx, [rbx + 24]   (start)
    "4883bb8000000001"  # cmp qword [rbx + 128], 1   (inside)
    "7410"  # je inside
    "baffff0000"  # mov edx, 65535
    "48c7838000000000000000"  # mov qword [rbx + 128], 0   (inside)
    "488b4358"  # inside: mov rax, [rbx + 88]   (blocks)
    "48ffc8"  # dec rax
    "48c1e010"  # shl rax, 16
    "4809d0"  # or rax, rdx
    "48c1e008"  # shl rax, 8
    "4c8b83b0000000"  # mov r8, [rbx + 176]   (values)
    "4c8b8bb8000000"  # mov r9, [rbx + 184]   (shadow)
    "4c8b93a8000000"  # mov r10, [rbx + 168]   (count)
    "488bbbc0000000"  # mov rdi, [rbx + 192]   (registers)
    "31c9"  # xor ecx, ecx
    "498b14c8"  # each: mov rdx, [r8 + rcx * 8]
    "493b14c9"  # cmp rdx, [r9 + rcx * 8]
    "7413"  # je same
    "498914c9"  # mov [r9 + rcx * 8], rdx
    "488d3408"  # lea rsi, [rax + rcx]
    "488937"  # mov [rdi], rsi
    "48895708"  # mov [rdi + 8], rdx
    "4883c710"  # add rdi, 16
    "48ffc1"  # same: inc rcx
    "4c39d1"  # cmp rcx, r10
    "72db"  # jb each
    "4889bbc0000000"  # mov [rbx + 192], rdi   (registers)
    "483bbbc8000000"  # cmp rdi, [rbx + 200]   (registers_limit)
    "7208"  # jb room
    "48c7433801000000"  # mov qword [rbx + 56], 1   (full)
    "5f"  # room: pop rdi
    "5e"  # pop rsi
    "5a"  # pop rdx
    "59"  # pop rcx
    "5b"  # pop rbx
    "4889f0"  # watch: mov rax, rsi
    "480faf4150"  # imul rax, [rcx + 80]   (mult)
    "48c1e831"  # shr rax, 49
    "4c8b8900010000"  # mov r9, [rcx + 256]   (watched)
    "4d8b14c1"  # probe: mov r10, [r9 + rax * 8]
    "4939f2"  # cmp r10, rsi
    "740f"  # je hit
    "4d85d2"  # test r10, r10
    "7410"  # je done
    "48ffc0"  # inc rax
    "25ff7f0000"  # and eax, 32767
    "ebe8"  # jmp probe
    "ffa108010000"  # hit: jmp qword [rcx + 264]   (watch)
    "c3"  # done: ret
)
WRITE = bytes.fromhex(
    "4983b98000000001"  # cmp qword [r9 + 128], 1   (inside)
    "0f858a000000"  # jne done
    "52"  # push rdx
    "51"  # push rcx
    "4150"  # push r8
    "4151"  # push r9
    "4883ec08"  # sub rsp, 8
    "498bb1f0000000"  # mov rsi, [r9 + 240]   (pc_id)
    "498d91f8000000"  # lea rdx, [r9 + 248]   (pc)
    "41ff91e8000000"  # call qword [r9 + 232]   (uc_reg_read)
    "4883c408"  # add rsp, 8
    "4159"  # pop r9
    "4158"  # pop r8
    "59"  # pop rcx
    "5a"  # pop rdx
    "4d8b91f8000000"  # mov r10, [r9 + 248]   (pc)
    "4d2b5118"  # sub r10, [r9 + 24]   (start)
    "450fb7d2"  # movzx r10d, r10w
    "498b4158"  # mov rax, [r9 + 88]   (blocks)
    "48ffc8"  # dec rax
    "48c1e010"  # shl rax, 16
    "4c09d0"  # or rax, r10
    "48c1e008"  # shl rax, 8
    "81c980000000"  # or ecx, 128
    "4809c8"  # or rax, rcx
    "4d8b91d0000000"  # mov r10, [r9 + 208]   (writes)
    "4d3b91e0000000"  # cmp r10, [r9 + 224]   (writes_end)
    "7327"  # jae done
    "498902"  # mov [r10], rax
    "49895208"  # mov [r10 + 8], rdx
    "4d894210"  # mov [r10 + 16], r8
    "4983c218"  # add r10, 24
    "4d8991d0000000"  # mov [r9 + 208], r10   (writes)
    "4d3b91d8000000"  # cmp r10, [r9 + 216]   (writes_limit)
    "7208"  # jb done
    "49c7413801000000"  # mov qword [r9 + 56], 1   (full)
    "c3"  # done: ret
)
# bool fill(uc, vaddr, type, uc_tlb_entry *result, user): identity for canonical addresses, refuse the others
TLB = bytes.fromhex(
    "4889f0"  # mov rax, rsi
    "48c1f82f"  # sar rax, 47
    "7409"  # je ok
    "4883f8ff"  # cmp rax, -1
    "7403"  # je ok
    "31c0"  # xor eax, eax
    "c3"  # ret
    "488931"  # ok: mov [rcx], rsi
    "c7410807000000"  # mov dword [rcx + 8], 7
    "b801000000"  # mov eax, 1
    "c3"  # ret
)
