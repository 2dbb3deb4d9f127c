/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a MYSQL* or MYSQL_STMT*: a table from pointer to object.
 *
 * A look-up takes no lock and, for a pointer that is not there, a few instructions.  It is safe for
 * the thread that owns the pointer at that moment, which is what client libraries demand as well;
 * changes of other entries may go on beside it.
 */
#ifndef PELORUS_LIB_ABI_TABLE_H
#define PELORUS_LIB_ABI_TABLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct abi_entry {
	_Atomic(const void *) key; /* NULL: free, ends a search; ABI_GONE: removed, does not */
	_Atomic(void *) object;
};

struct abi_table {
	uintptr_t mask; /* places - 1 */
	struct abi_entry entries[];
};

#define ABI_GONE ((const void *)1)

extern _Atomic(struct abi_table *) abi_table;

static inline uintptr_t abi_place(const void *key)
{
	uintptr_t k = (uintptr_t)key >> 4;

	return k ^ (k >> 9);
}

static inline void *abi_find(const void *key)
{
	struct abi_table *t = atomic_load_explicit(&abi_table, memory_order_acquire);

	for (uintptr_t i = abi_place(key);; i++) {
		struct abi_entry *e = &t->entries[i & t->mask];
		const void *k = atomic_load_explicit(&e->key, memory_order_acquire);

		if (!k)
			return NULL;
		if (k == key)
			return atomic_load_explicit(&e->object, memory_order_relaxed);
	}
}

/* Enters or replaces; 0 or -ENOMEM. */
int abi_table_put(const void *key, void *object);

/* Removes; the object that was there, or NULL. */
void *abi_table_take(const void *key);

#endif
