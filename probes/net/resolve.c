/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses: from the name itself, from /etc/hosts, else by a DNS query.
 *
 * There is one look-up of a name at a time, and whoever wants the name meanwhile gets its answer.  It
 * waits for the pace of the name, which is taken by what goes on the wire, and by nothing else.
 */
#include "resolve.h"

#include "dns_pace.h"
#include "dns_query.h"

#include "base/read_file.h"
#include "common/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (256 * 1024)

/* A file, read again when it is another or was changed. */
struct resolve_file {
	const char *path;
	struct stat seen;
	bool known;
	struct file file;
};

struct resolver {
	struct loop *loop;
	struct resolve_file conf_file;
	struct resolve_file hosts_file;
	struct resolver_options options;
	struct dns_conf conf;
	struct dns_pace pace;
	struct look_up *look_ups;
};

/* Of one name; it ends with its answer, or with the last who wanted it. */
struct look_up {
	struct look_up *next;
	struct resolver *resolver;
	struct resolve_query *askers; /* as they came */
	bool answered;                /* they are being told */
	struct loop_timer timer;
	struct dns_query *query; /* NULL: it waits for its turn */
	char name[PEL_NAME_MAX];
};

struct resolve_query {
	struct resolve_query *next;
	struct look_up *look_up;
	void (*done)(void *ctx, const struct resolve_answer *answer);
	void *ctx;
};

/* True if the file was read anew. */
static bool resolve_file_look(struct resolve_file *f)
{
	struct stat st;

	if (stat(f->path, &st) < 0)
		memset(&st, 0, sizeof(st));
	if (f->known && st.st_ino == f->seen.st_ino && st.st_size == f->seen.st_size &&
		st.st_mtim.tv_sec == f->seen.st_mtim.tv_sec &&
		st.st_mtim.tv_nsec == f->seen.st_mtim.tv_nsec)
		return false;
	f->seen = st;
	f->known = true;
	file_free(&f->file);
	(void)file_read(f->path, FILE_MAX, FILE_START, &f->file);
	return true;
}

static const char *text_of(const struct resolve_file *f)
{
	return f->file.text ? f->file.text : "";
}

static void files_look(struct resolver *r)
{
	if (resolve_file_look(&r->conf_file))
		dns_conf_parse(text_of(&r->conf_file), &r->conf);
	(void)resolve_file_look(&r->hosts_file);
}

int resolver_new(struct loop *loop, const struct resolver_options *options, struct resolver **ret)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	if (options)
		r->options = *options;
	r->conf_file.path = r->options.resolv_conf ? r->options.resolv_conf : "/etc/resolv.conf";
	r->hosts_file.path = r->options.hosts ? r->options.hosts : "/etc/hosts";
	*ret = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	file_free(&r->conf_file.file);
	file_free(&r->hosts_file.file);
	free(r);
}

/* Who wants the name from now on begins another one. */
static void look_up_end(struct look_up *l)
{
	struct look_up **at = &l->resolver->look_ups;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	loop_timer_stop(l->resolver->loop, &l->timer);
	dns_query_cancel(l->query);
	l->query = NULL;
}

static void unlink_asker(struct resolve_query *q)
{
	struct resolve_query **at = &q->look_up->askers;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
}

/* One that is told may end others, or ask anew. */
static void on_answer(void *ctx, const struct resolve_answer *answer)
{
	struct look_up *l = ctx;
	struct resolve_query *q;

	l->query = NULL;
	l->answered = true;
	look_up_end(l);
	while ((q = l->askers)) {
		unlink_asker(q);
		q->done(q->ctx, answer);
		free(q);
	}
	free(l);
}

static bool is_virtual(const struct resolver_options *o, const char *name,
	const struct pel_addr *addr)
{
	uint64_t hash = pel_name_hash(name);
	uint8_t v6[16];
	uint32_t v4;

	if (addr->family == 4) {
		v4 = htonl(pel_virtual4(hash, o->vnet4, o->vnet4_bits));
		return o->vnet4_bits && memcmp(&v4, addr->ip, sizeof(v4)) == 0;
	}
	pel_virtual6(hash, o->vnet6, o->vnet6_bits, v6);
	return o->vnet6_bits && memcmp(v6, addr->ip, sizeof(v6)) == 0;
}

static unsigned find_in_hosts(const struct look_up *l, struct pel_addr ret[RESOLVE_ADDRS])
{
	unsigned kept = 0,
		 n = dns_hosts_find(text_of(&l->resolver->hosts_file), l->name, RESOLVE_ADDRS, ret);

	for (unsigned i = 0; i < n; i++) {
		if (!is_virtual(&l->resolver->options, l->name, &ret[i]))
			ret[kept++] = ret[i];
	}
	return kept;
}

/* Numeric addresses and the names of /etc/hosts need no server. */
static bool answer_locally(const struct look_up *l, struct resolve_answer *a)
{
	if (dns_addr_parse(l->name, &a->addrs[0]))
		a->n_addrs = 1;
	else
		a->n_addrs = find_in_hosts(l, a->addrs);
	a->ttl_ms = 1000;
	return a->n_addrs > 0;
}

static void due(void *ctx)
{
	struct look_up *l = ctx;
	struct resolver *r = l->resolver;
	struct resolve_answer answer = {.status = 0};
	uint64_t now_ns = loop_now_ns(r->loop), next_ns;

	files_look(r);
	if (answer_locally(l, &answer)) {
		on_answer(l, &answer);
		return;
	}
	next_ns = dns_pace_take(&r->pace, l->name, now_ns);
	if (next_ns > now_ns) {
		loop_timer_set(r->loop, &l->timer, next_ns);
		return;
	}
	answer.status = dns_query_start(r->loop, &r->conf, l->name, on_answer, l, &l->query);
	if (answer.status < 0)
		on_answer(l, &answer);
}

static struct look_up *look_up_of(struct resolver *r, const char *name)
{
	struct look_up *l = r->look_ups;

	while (l && strcmp(l->name, name) != 0)
		l = l->next;
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->next = r->look_ups;
	l->resolver = r;
	strcpy(l->name, name);
	loop_timer_init(&l->timer, due, l);
	loop_timer_set(r->loop, &l->timer, 0);
	r->look_ups = l;
	return l;
}

int resolve_start(struct resolver *r, const char *name,
	void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
	struct resolve_query **ret)
{
	struct resolve_query *q, **last;

	if (strlen(name) >= PEL_NAME_MAX)
		return -EINVAL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->look_up = look_up_of(r, name);
	if (!q->look_up) {
		free(q);
		return -ENOMEM;
	}
	q->done = done;
	q->ctx = ctx;
	for (last = &q->look_up->askers; *last; last = &(*last)->next)
		;
	*last = q;
	*ret = q;
	return 0;
}

void resolve_cancel(struct resolve_query *q)
{
	struct look_up *l = q ? q->look_up : NULL;

	if (!q)
		return;
	unlink_asker(q);
	free(q);
	if (l->askers || l->answered)
		return;
	look_up_end(l);
	free(l);
}
