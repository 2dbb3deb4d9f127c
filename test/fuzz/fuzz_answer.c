/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the answers of DNS that virtual addresses are written into.  Whatever comes in, the length stays;
 * nothing but whole addresses and aliases' lifetimes changes, and those to what they should be; a name that is not followed, or
 * anything odd, leaves every byte as it was.
 *
 * The first byte of the input says whether the name is followed, and whether a header and a question are
 * put before the rest, so that half of the inputs come past these.
 */
#include "rules/dns_answer.h"

#include <stdlib.h>
#include <string.h>

#define NAME "db.example"
#define FOLLOWED 1
#define FRAMED 2
#define STREAM 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dns_answer_addresses ours = {"\xc6\x12\x5c\x18",
	"\x20\1\0\2\0\0\0\0\xaa\xbb\xcc\xdd\x11\x22\x33"};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool find(const char *name, struct dns_answer_addresses *ret, void *context)
{
	check(strlen(name) < 256);
	if (strcmp(name, NAME) != 0 || !*(const bool *)context)
		return false;
	*ret = ours;
	return true;
}

/* True if byte `i` is in a piece that reads so. */
static bool is_in(const uint8_t *bytes, size_t n, size_t i, const void *piece, size_t size)
{
	for (size_t back = 0; back < size && back <= i; back++) {
		if (i - back + size <= n && memcmp(bytes + i - back, piece, size) == 0)
			return true;
	}
	return false;
}

/* True if anything is another byte; each must belong to what may be written. */
static bool check_changes(const uint8_t *before, const uint8_t *after, size_t n)
{
	static const uint8_t none[4];
	bool changed = false;

	for (size_t i = 0; i < n; i++) {
		if (before[i] == after[i])
			continue;
		check(is_in(after, n, i, ours.v4, 4) || is_in(after, n, i, ours.v6, 16) ||
			is_in(after, n, i, none, 4));
		changed = true;
	}
	return changed;
}

static size_t make(const uint8_t *data, size_t size, uint8_t kind, uint8_t *ret)
{
	static const uint8_t question[] = "\2db\7example\0\0\1\0\1";
	size_t n = 0;

	if (!(kind & FRAMED) || size < 10) {
		memcpy(ret, data, size);
		return size;
	}
	memcpy(ret, "\x12\x34", 2);
	memcpy(ret + 2, data, 10);
	n = 12;
	memcpy(ret + n, question, sizeof(question) - 1);
	n += sizeof(question) - 1;
	memcpy(ret + n, data + 10, size - 10);
	return n + size - 10;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool followed = size > 0 && (data[0] & FOLLOWED);
	uint8_t *bytes, *before;
	bool changed;
	size_t n;

	if (size < 1 || size > 4096)
		return 0;
	bytes = malloc(size + 64);
	before = malloc(size + 64);
	check(bytes && before);
	n = make(data + 1, size - 1, data[0], before);
	bytes = realloc(bytes, n ? n : 1); /* so that its end is seen */
	check(bytes != NULL);
	memcpy(bytes, before, n);
	changed = data[0] & STREAM ? dns_answer_rewrite_stream(bytes, n, find, &followed)
				   : dns_answer_rewrite(bytes, n, find, &followed);
	check(followed || !changed);
	check(!check_changes(before, bytes, n) || changed);
	free(bytes);
	free(before);
	return 0;
}
