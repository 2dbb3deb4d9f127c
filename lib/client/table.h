/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a MYSQL* or MYSQL_STMT*: a table from pointer to object.
 *
 * A look-up takes no lock and, for a pointer that is not there, a few instructions.  It is safe for
 * the thread that owns the pointer at that moment, which is what client libraries demand as well;
 * changes of other entries may go on beside it.
 */
#ifndef PELORUS_LIB_CLIENT_TABLE_H
#define PELORUS_LIB_CLIENT_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_entry {
	_Atomic(const void *) key; /* NULL: free, ends a search; TABLE_GONE: removed, does not */
	_Atomic(void *) object;
};

struct table {
	uintptr_t mask; /* of the entries' offsets in bytes */
	struct table_entry entries[];
};

#define TABLE_GONE ((const void *)1)

extern _Atomic(struct table *) client_table;

/* Where the search for a key begins, and where it goes on from `offset`: not reduced by the mask. */
static inline uintptr_t table_offset(const void *key)
{
	return (uintptr_t)key ^ (uintptr_t)key >> 9;
}

static inline uintptr_t table_offset_next(uintptr_t offset)
{
	return offset + sizeof(struct table_entry);
}

static inline struct table_entry *table_entry_at(struct table *t, uintptr_t offset)
{
	return (struct table_entry *)(void *)((char *)t->entries + (offset & t->mask));
}

/* NULL is never found. */
void *table_find(const void *key);

/* The same in a few instructions, if it is at its first place: NULL means nothing if *ret_behind. */
static inline void *table_find_first(const void *key, bool *ret_behind)
{
	struct table *t = atomic_load_explicit(&client_table, memory_order_acquire);
	struct table_entry *e = table_entry_at(t, table_offset(key));
	const void *k = atomic_load_explicit(&e->key, memory_order_acquire);

	*ret_behind = k && k != key;
	return k && k == key ? atomic_load_explicit(&e->object, memory_order_relaxed) : NULL;
}

/* Enters or replaces; 0 or -ENOMEM. */
int table_put(const void *key, void *object);

/* Removes; the object that was there, or NULL. */
void *table_take(const void *key);

#endif
