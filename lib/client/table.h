/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a MYSQL* or MYSQL_STMT*: a table from pointer to object.
 *
 * A look-up takes no lock and, for a pointer that is not there, mostly one load alone.  It is safe for the
 * thread that owns the pointer at that moment, which is what client libraries demand as well; changes
 * of other entries may go on beside it.
 */
#ifndef PELORUS_LIB_CLIENT_TABLE_H
#define PELORUS_LIB_CLIENT_TABLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* In one chain for ever: when its key is gone, another of the chain gets it. */
struct table_entry {
	_Atomic(const void *) key; /* NULL: free; TABLE_TAKEN: somebody enters its object */
	_Atomic(void *) object;
	struct table_entry *next;
};

#define TABLE_TAKEN ((const void *)1)
#define TABLE_CHAINS 1024u

extern _Atomic(struct table_entry *) client_table[TABLE_CHAINS];

static inline _Atomic(struct table_entry *) *table_chain(const void *key)
{
	return &client_table[((uintptr_t)key >> 4 ^ (uintptr_t)key >> 14) % TABLE_CHAINS];
}

/* NULL if there is none.  Partner: the release in table_put(). */
static inline struct table_entry *table_entry_of(const void *key)
{
	struct table_entry *e = atomic_load_explicit(table_chain(key), memory_order_acquire);

	while (e && atomic_load_explicit(&e->key, memory_order_acquire) != key)
		e = e->next;
	return e;
}

/* NULL is never found. */
static inline void *table_find(const void *key)
{
	struct table_entry *e = key ? table_entry_of(key) : NULL;

	return e ? atomic_load_explicit(&e->object, memory_order_relaxed) : NULL;
}

/* Enters or replaces; 0 or -ENOMEM. */
int table_put(const void *key, void *object);

/* Removes; the object that was there, or NULL. */
void *table_take(const void *key);

#endif
