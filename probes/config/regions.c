/* SPDX-License-Identifier: Apache-2.0 */
/* The patterns of `global-regions`: "?.abc.us-east-1.rds.amazonaws.com, [eu-west-1]?.db.example.com". */
#include "regions.h"

#include "common/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct pattern {
	char region[CONFIG_REGION_MAX];
	char text[PEL_NAME_MAX];
};

static bool take(char *to, size_t size, const char *from, size_t n)
{
	if (n == 0 || n >= size)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

/* us-east-1, us-gov-west-1: no other label of such a host has a digit behind its last hyphen. */
static bool is_region(const char *label, size_t n)
{
	return n > 4 && label[n - 2] == '-' && label[n - 1] >= '0' && label[n - 1] <= '9';
}

/* Of ?.ID.REGION.rds.SUFFIX, or ?.ID.rds.REGION.SUFFIX. */
static bool region_by_form(struct pattern *p)
{
	char host[PEL_NAME_MAX];
	const char *label;
	size_t n;

	if (pel_name_of_instance("a", NULL, p->text, host) < 0 ||
		pel_name_kind(host) != PEL_KIND_INSTANCE)
		return false;
	label = strchr(strchr(host, '.') + 1, '.') + 1;
	n = strcspn(label, ".");
	if (!is_region(label, n)) {
		label += n + 1;
		n = strcspn(label, ".");
	}
	return take(p->region, sizeof(p->region), label, n);
}

static bool read_pattern(const char *item, size_t n, struct pattern *ret)
{
	const char *end = memchr(item, ']', n), *mark;
	char host[PEL_NAME_MAX];
	size_t head = 0;

	if (*item == '[') {
		if (!end ||
			!take(ret->region, sizeof(ret->region), item + 1,
				(size_t)(end - item - 1)) ||
			!pel_name_is_label(ret->region))
			return false;
		head = (size_t)(end + 1 - item);
	}
	if (!take(ret->text, sizeof(ret->text), item + head, n - head))
		return false;
	mark = strchr(ret->text, '?');
	if (!mark || strchr(mark + 1, '?') || pel_name_of_instance("a", NULL, ret->text, host) < 0)
		return false;
	return head || region_by_form(ret);
}

/* The next item of the list: 1, 0 at its end, -EINVAL. */
static int next_pattern(const char **at, struct pattern *ret)
{
	size_t n;

	*at += strspn(*at, ", \t");
	n = strcspn(*at, ", \t");
	if (n == 0)
		return 0;
	if (!read_pattern(*at, n, ret))
		return -EINVAL;
	*at += n;
	return 1;
}

static bool find_pattern(const char *list, const char *region, struct pattern *ret)
{
	while (next_pattern(&list, ret) == 1) {
		if (strcmp(ret->region, region) == 0)
			return true;
	}
	return false;
}

bool config_regions_are_good(const char *list)
{
	const char *at = list;
	struct pattern p, first;
	unsigned any = 0;
	int r;

	while ((r = next_pattern(&at, &p)) == 1) {
		any++;
		if (!find_pattern(list, p.region, &first) || strcmp(first.text, p.text) != 0)
			return false;
	}
	return r == 0 && any;
}

int config_region_host(const char *list, const char *region, const char *id,
	char ret[static PEL_NAME_MAX])
{
	struct pattern p;

	if (!find_pattern(list, region, &p))
		return -ENOENT;
	return pel_name_of_instance(id, NULL, p.text, ret);
}
