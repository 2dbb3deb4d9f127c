/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, one behind the other, each with its length in front. */
#include "keep.h"

#include "base/secret.h"

#include <pelorus/control.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct keep {
	size_t used;
	char data[KEEP_SIZE - sizeof(size_t)];
};

struct keep *keep_new(void)
{
	return secret_alloc(sizeof(struct keep));
}

void keep_free(struct keep *keep)
{
	secret_free(keep, sizeof(*keep));
}

const char *keep_next(const struct keep *keep, size_t *at, size_t *ret_size)
{
	const char *request;

	if (*at >= keep->used)
		return NULL;
	memcpy(ret_size, keep->data + *at, sizeof(*ret_size));
	request = keep->data + *at + sizeof(*ret_size);
	*at += sizeof(*ret_size) + *ret_size;
	return request;
}

int keep_add(struct keep *keep, const char *request, size_t size)
{
	size_t at = 0, n;
	const char *have;

	while ((have = keep_next(keep, &at, &n))) {
		if (n == size && memcmp(have, request, size) == 0)
			return 0;
	}
	if (size > PEL_CONTROL_MAX || sizeof(size) + size > sizeof(keep->data) - keep->used)
		return -ENOSPC;
	memcpy(keep->data + keep->used, &size, sizeof(size));
	memcpy(keep->data + keep->used + sizeof(size), request, size);
	keep->used += sizeof(size) + size;
	return 1;
}

static bool is_for(const char *request, size_t size, const char *name)
{
	char head[PEL_CONTROL_MAX];
	int length = snprintf(head, sizeof(head), "follow\nname=%s\n", name);

	return size >= (size_t)length && memcmp(request, head, (size_t)length) == 0;
}

bool keep_has(const struct keep *keep, const char *name)
{
	size_t at = 0, n;
	const char *request;

	while ((request = keep_next(keep, &at, &n))) {
		if (is_for(request, n, name))
			return true;
	}
	return false;
}

/* What stands between the two. */
static void cut_out(struct keep *keep, size_t from, size_t to)
{
	memmove(keep->data + from, keep->data + to, keep->used - to);
	explicit_bzero(keep->data + keep->used - (to - from), to - from);
	keep->used -= to - from;
}

void keep_forget(struct keep *keep, const char *name)
{
	size_t at = 0, from = 0, n;
	const char *request;

	while ((request = keep_next(keep, &at, &n))) {
		if (is_for(request, n, name)) {
			cut_out(keep, from, at);
			at = from;
		}
		from = at;
	}
}

void keep_drop(struct keep *keep, const char *request, size_t size)
{
	size_t at = 0, from = 0, n;
	const char *have;

	while ((have = keep_next(keep, &at, &n))) {
		if (n == size && memcmp(have, request, size) == 0) {
			cut_out(keep, from, at);
			return;
		}
		from = at;
	}
}
