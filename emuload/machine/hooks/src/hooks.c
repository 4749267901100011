// The hooks that Unicorn calls most often: budget, logs, instruction count, and amd64's TLB fill.
//
// `python -m emuload.machine.hooks.build` compiles this file to code that needs no library and no relocation, one file in
// built/ per calling convention of hosts. python.py does the same on hosts that cannot run it. Only hooks are functions of
// their own; the rest is inlined, since calls between functions would be relocations in Windows' object files.
// Unicorn's prototypes of hooks: unicorn/unicorn.h (2.1), uc_cb_hookcode_t, uc_cb_hookmem_t, uc_cb_tlbevent_t.
#include <stdbool.h>

#include "cells.h"

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t block_key(uint64_t address, uint32_t size) { return address | (uint64_t)size << SIZE_SHIFT; }

// Multiplicative hashing: the product's top bits.
INLINE uint64_t place(uint64_t key, int bits) { return key * MULTIPLIER >> (64 - bits); }

// -- the budget --------------------------------------------------------------------------------------------------

// True if the budget is used and the block was jumped to.
//
// Unicorn looks for a stop request after the hook, so a block at which the budget ends is not executed, and the bytes
// counted are exactly the bytes run. Where code runs on from the end of the block before, it is not stopped: such places
// are also where Unicorn cuts long runs of instructions, which depends on the hooks there are (it ends a block after
// 4,000 operations of its own, and a hook on each instruction takes some). So a slice ends at the same instruction
// whatever is hooked.
INLINE bool is_used(const struct cells *cells, uint64_t address)
{
    return UNLIKELY(cells->remaining <= 0) && cells->end != address;
}

INLINE void charge(struct cells *cells, uint64_t address, uint32_t size)
{
    cells->remaining -= size;
    cells->start = address;
    cells->end = address + size;
}

INLINE void stop(uc_engine *uc, struct cells *cells, uint64_t why)
{
    cells->stopped = why;
    cells->stop_function(uc);
}

// On each block: charge the time budget.
void block(uc_engine *uc, uint64_t address, uint32_t size, struct cells *cells)
{
    if (is_used(cells, address)) {
        stop(uc, cells, BUDGET_USED);
        return;
    }
    charge(cells, address, size);
}

// -- the log of blocks -------------------------------------------------------------------------------------------

// True if a block overlaps one of the logged ranges: the first one that ends after the block's start decides.
INLINE bool is_chosen(const struct cells *cells, uint64_t start, uint64_t end)
{
    const struct range *low = cells->ranges;
    for (uint64_t count = cells->range_count; UNLIKELY(count);) {
        uint64_t half = count / 2;
        if (low[half].end > start) {
            count = half;
        } else {
            low += half + 1;
            count -= half + 1;
        }
    }
    return end > low->start;
}

// Log a key: an entry, unless it was guessed.
INLINE void put(struct cells *cells, uint64_t key)
{
    uint64_t *slot = cells->slot, blocks = cells->blocks + 1;
    cells->blocks = blocks;
    cells->slot = cells->table + place(key, TABLE_BITS);
    if (*slot != key) {
        struct block_entry *entry = cells->cursor;
        uint64_t missed_at = cells->missed_at;
        cells->cursor = entry + 1;
        cells->missed_at = blocks;
        if (UNLIKELY(entry + 1 >= cells->limit))
            cells->full = 1;
        *slot = key;
        entry->key = key;
        entry->run = blocks - missed_at;
    }
}

// In place of `block`: also log the block if it is chosen, and before it the number of code bytes that were not logged.
void log_block(uc_engine *uc, uint64_t address, uint32_t size, struct cells *cells)
{
    if (is_used(cells, address)) {
        stop(uc, cells, BUDGET_USED);
        return;
    }
    if (UNLIKELY(cells->full)) {
        stop(uc, cells, LOG_FULL);
        return;
    }
    charge(cells, address, size);
    if (!is_chosen(cells, address, address + size)) {
        cells->skipped += size;
        if (cells->inside)
            cells->inside = cells->away;
        return;
    }
    cells->inside = 1;
    if (UNLIKELY(cells->skipped)) {
        uint64_t skipped = cells->skipped;
        cells->skipped = 0;
        put(cells, GAP | skipped);
    }
    put(cells, block_key(address, size));
}

// -- the logs of registers and of memory writes ------------------------------------------------------------------

INLINE uint64_t where(const struct cells *cells, uint64_t offset) { return ((cells->blocks - 1) << 16 | offset) << 8; }

// Log the registers whose values changed: they hold before the instruction at `address`.
INLINE void put_registers(uc_engine *uc, uint64_t address, struct cells *cells)
{
    uint64_t offset = address - cells->start;
    if (UNLIKELY(cells->inside != 1)) { // the first instruction after the logged ranges
        offset = AFTER;
        cells->inside = 0;
    }
    cells->read_many(uc, cells->ids, cells->pointers, (int)cells->count);
    const uint64_t *values = cells->values;
    uint64_t *shadow = cells->shadow, here = where(cells, offset), count = cells->count;
    struct register_entry *entry = cells->registers;
    for (uint64_t number = 0; number < count; number++) {
        uint64_t value = values[number];
        if (UNLIKELY(value != shadow[number])) {
            shadow[number] = value;
            *entry++ = (struct register_entry){here | number, value};
        }
    }
    cells->registers = entry;
    if (UNLIKELY(entry >= cells->registers_limit))
        cells->full = 1;
}

// Call Python if the address is in the hash table (linear probing).
INLINE void call_watcher(uc_engine *uc, uint64_t address, uint32_t size, struct cells *cells)
{
    const uint64_t *watched = cells->watched;
    uint64_t at = place(address, TABLE_BITS), found;
    while ((found = watched[at]) != 0) {
        if (found == address) {
            cells->watch_function(uc, address, size, cells);
            return;
        }
        at = (at + 1) & ((1 << TABLE_BITS) - 1);
    }
}

// On each instruction: log registers, then call Python if the address is watched. One hook looks up all addresses: hooks for
// single addresses would make Unicorn walk their list at each instruction.
void step(uc_engine *uc, uint64_t address, uint32_t size, struct cells *cells)
{
    if (cells->inside)
        put_registers(uc, address, cells);
    call_watcher(uc, address, size, cells);
}

// Before each write to memory: log it, with the program counter's offset in the block (Unicorn has made it exact).
// Unicorn does not call the hook for arm64's DC ZVA, which the emulated CPU does not have either.
void write(uc_engine *uc, int type, uint64_t address, int size, int64_t value, struct cells *cells)
{
    (void)type;
    if (cells->inside != 1)
        return;
    cells->read_one(uc, (int)cells->pc_id, &cells->pc);
    uint64_t offset = (cells->pc - cells->start) & 0xffff;
    struct write_entry *entry = cells->writes;
    if (UNLIKELY(entry >= cells->writes_end))
        return;
    *entry++ = (struct write_entry){where(cells, offset) | WRITE | (uint32_t)size, address, (uint64_t)value};
    cells->writes = entry;
    if (UNLIKELY(entry >= cells->writes_limit))
        cells->full = 1;
}

// -- the instruction count ---------------------------------------------------------------------------------------

// On each block, after the budget's hook: add the block's number of instructions. Python counts a block that is not in the
// table. The block before which the budget ends is not executed.
void count(uc_engine *uc, uint64_t address, uint32_t size, struct count_cells *cells)
{
    if (UNLIKELY(*cells->stopped))
        return;
    uint64_t key = block_key(address, size);
    cells->last = key;
    const struct count_entry *entry = cells->table + place(key, COUNT_TABLE_BITS);
    if (UNLIKELY(entry->key != key)) {
        cells->callback(uc, address, size, cells);
        return;
    }
    cells->count += entry->instructions;
}

// -- amd64's TLB -------------------------------------------------------------------------------------------------

struct tlb_entry { // uc_tlb_entry
    uint64_t physical;
    uint32_t permissions;
};

// Identity for canonical addresses; refuse those whose bits 63..47 differ, which Unicorn's own TLB would cut to 52 bits.
bool fill_tlb(uc_engine *uc, uint64_t address, int type, struct tlb_entry *entry, void *user)
{
    (void)uc, (void)type, (void)user;
    int64_t top = (int64_t)address >> 47;
    if (top != 0 && top != -1)
        return false;
    entry->physical = address;
    entry->permissions = 7;
    return true;
}
