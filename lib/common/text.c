/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

bool text_copy_n(char *to, size_t size, const char *from, size_t n)
{
	if (n >= size)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

void text_append(char *to, size_t size, const char *more)
{
	size_t n = strlen(to), room = size - 1 - n, want = strlen(more);

	(void)text_copy_n(to + n, size - n, more, want < room ? want : room);
}

void text_append_number(char *to, size_t size, uint64_t n)
{
	char digits[21];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	text_append(to, size, digits + at);
}
