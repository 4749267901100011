// The memory that the hooks share with Python, in cells of 64 bits. cells.py and block_count.py number the fields in the same
// order and repeat the constants; tests/machine/hooks/test_hooks_build.py compares them.
#pragma once

#include <stdint.h>

typedef struct uc_struct uc_engine;

struct cells;
struct count_cells;

// Unicorn's functions that the hooks call (unicorn/unicorn.h, 2.1), and Python's callbacks.
typedef int emu_stop(uc_engine *uc);
typedef int reg_read(uc_engine *uc, int id, uint64_t *value);
typedef int reg_read_batch(uc_engine *uc, const int *ids, uint64_t *const *values, int count);
typedef void watch_callback(uc_engine *uc, uint64_t address, uint32_t size, struct cells *cells);
typedef void count_callback(uc_engine *uc, uint64_t address, uint32_t size, struct count_cells *cells);

struct range {
    uint64_t end, start;
};

struct block_entry {
    uint64_t key, run; // run: number of blocks since the entry before
};

struct register_entry {
    uint64_t where, value;
};

struct write_entry {
    uint64_t where, address, value;
};

// The cells of a CPU.
struct cells {
    // the budget
    int64_t remaining;       // code bytes left of the slice; below zero while code runs on to the next jump
    emu_stop *stop_function; // uc_emu_stop
    uint64_t stopped;        // why the block hook stopped the CPU: 0, BUDGET_USED, LOG_FULL
    uint64_t start, end;     // the block that runs, or ran last

    // the log of blocks
    struct block_entry *cursor, *limit; // the next entry; there is room for four more after the limit
    uint64_t full;                      // 1: a buffer has reached its limit
    uint64_t *table, *slot;             // guessed successors by block; the guess for the next block
    uint64_t blocks, missed_at;         // number of blocks logged so far; the same when the last entry was made
    const struct range *ranges;         // logged addresses, in order; one more range follows the last
    uint64_t range_count;
    uint64_t skipped;                   // code bytes executed since the last logged block, not logged
    uint64_t inside;                    // 1: the block that runs is logged; LEAVING: registers are due once more
    uint64_t away;                      // inside's value after a block that is not logged: LEAVING with a register log, else 0

    // the logs of registers and of memory writes
    reg_read_batch *read_many; // uc_reg_read_batch
    const int *ids;            // its arguments
    uint64_t *const *pointers;
    uint64_t count;
    const uint64_t *values; // the values that it read
    uint64_t *shadow;       // the values that were logged last
    struct register_entry *registers, *registers_limit;
    struct write_entry *writes, *writes_limit, *writes_end; // nothing is written from writes_end on
    reg_read *read_one;                                     // uc_reg_read
    uint64_t pc_id, pc;                                     // the program counter's number; its value
    const uint64_t *watched;                                // hash table of watched addresses
    watch_callback *watch_function;                         // called for them
};

// The cells of an instruction count.
struct count_entry {
    uint64_t key, instructions;
};

struct count_cells {
    const uint64_t *stopped;         // of the CPU's cells
    uint64_t last;                   // key of the block that runs, or ran last
    const struct count_entry *table; // instructions by block
    uint64_t count;                  // instructions of all blocks so far
    count_callback *callback;        // for a block that is not in the table
};

// Values of `stopped`.
#define BUDGET_USED 1
#define LOG_FULL 2

// A value of `inside`.
#define LEAVING 2

// An entry's `where` is block number << 24 | offset << 8 | register, or WRITE | size of a memory write.
#define AFTER 0xffff // the offset of register values that hold after a block's last instruction
#define WRITE 0x80

// A key at or above GAP is not a block: key - GAP code bytes ran unlogged.
#define GAP (UINT64_C(0xffff) << 48)

// Keys of blocks and places in tables (emuload/ilog/predictor.py).
#define SIZE_SHIFT 48
#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)
#define TABLE_BITS 15
#define COUNT_TABLE_BITS 17
