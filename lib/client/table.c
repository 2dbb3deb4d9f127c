/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains that only grow, by as many entries as there ever were at once: nobody waits for anybody, and
 * a child that is forked at any moment has whole chains.
 */
#include "table.h"

#include <errno.h>
#include <stdlib.h>

_Atomic(struct table_entry *) client_table[TABLE_CHAINS];

/* An entry of the key's chain that is ours until it is given a key; NULL without memory. */
static struct table_entry *take_entry(const void *key)
{
	_Atomic(struct table_entry *) *chain = table_chain(key);
	struct table_entry *e = atomic_load_explicit(chain, memory_order_acquire);
	const void *none = NULL;

	for (; e; e = e->next, none = NULL) {
		if (atomic_compare_exchange_strong(&e->key, &none, TABLE_TAKEN))
			return e;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	atomic_init(&e->key, TABLE_TAKEN);
	e->next = atomic_load_explicit(chain, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(chain, &e->next, e, memory_order_acq_rel,
		memory_order_relaxed))
		;
	return e;
}

int table_put(const void *key, void *object)
{
	struct table_entry *e = table_entry_of(key);

	if (!e)
		e = take_entry(key);
	if (!e)
		return -ENOMEM;
	atomic_store_explicit(&e->object, object, memory_order_relaxed);
	atomic_store_explicit(&e->key, key, memory_order_release);
	return 0;
}

void *table_take(const void *key)
{
	struct table_entry *e = table_entry_of(key);
	void *object;

	if (!e)
		return NULL;
	object = atomic_load_explicit(&e->object, memory_order_relaxed);
	atomic_store_explicit(&e->key, NULL, memory_order_release);
	return object;
}
