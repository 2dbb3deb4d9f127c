/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <mysql.h>

/* There is one thread, and it reads one answer at a time. */
static struct answer *current;

/*
 * A socket that is shut both ways answers what comes with a reset: reading it ends, with what is there.
 * `n` is negative where nothing was read.
 */
void answer_has_read(int mode, MYSQL *mysql, const unsigned char *buffer, size_t n)
{
	(void)buffer;
	if (mode != 0 || !current || (ssize_t)n <= 0)
		return;
	current->bytes += n;
	if (answer_is_too_long(current))
		(void)shutdown((int)mysql_get_socket(mysql), SHUT_RDWR);
}

void answer_begin(struct answer *a, uint64_t limit)
{
	*a = (struct answer){.limit = limit};
}

void answer_enter(struct answer *a)
{
	current = a;
}

bool answer_is_too_long(const struct answer *a)
{
	return a->bytes > a->limit;
}
