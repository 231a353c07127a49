/* @NAME@: chooses a variant when it is first called. Made by pocketsr; do not edit.

   Compile it with -O3, by gcc or clang, and beside it: @FILES@.
   Each of those asks for the instructions that it needs by itself. */
#include "@NAME@.h"

@CPU@
#if !defined(_WIN32)
#pragma GCC visibility push(hidden)
#endif
@DECLARATIONS@#if !defined(_WIN32)
#pragma GCC visibility pop
#endif

typedef struct {
    const char *name;
    unsigned needs;
@RECORD@} variant;

static const variant variants[] = { /* the best first; the last one runs everywhere */
@ROWS@};
enum { COUNT = sizeof variants / sizeof variants[0] };

static const variant *current;

static const variant *chosen(void)
{
    const variant *found = __atomic_load_n(&current, __ATOMIC_RELAXED);
    if (!found) {
        const unsigned has = cpu_features();
        for (found = variants; found->needs & ~has; found++) {}
        __atomic_store_n(&current, found, __ATOMIC_RELAXED);
    }
    return found;
}

const char *@NAME@_variant(void) { return chosen()->name; }

int @NAME@_use(const char *name)
{
    const unsigned has = cpu_features();
    for (int i = 0; i < COUNT; i++) {
        int at = 0;
        while (name[at] && name[at] == variants[i].name[at]) at++;
        if (name[at] != variants[i].name[at] || variants[i].needs & ~has) continue;
        __atomic_store_n(&current, &variants[i], __ATOMIC_RELAXED);
        return 1;
    }
    return 0;
}

@CALLS@
