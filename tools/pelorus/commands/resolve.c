/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus resolve: where a name leads at this moment, without and with Pelorus, and why.
 *
 * The answer is made by the library's own routing out of the map that every process reads; a second
 * call may well name another reader.
 */
#include "commands.h"

#include "map_view.h"
#include "processes/as.h"
#include "rules/route.h"

#include "common/clock.h"
#include "common/names.h"
#include "common/words.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char help[] =
	"usage: pelorus resolve [--role writer|reader] [--as PID] [--json] NAME[:PORT]\n"
	"Tells where DNS leads for NAME, where Pelorus takes a connection, and why.\n"
	"\n"
	"  --role ROLE  as if NAME led to the writer, or to the readers\n"
	"  --as PID     of process PID: by its environment, its user's daemon, and whether the library\n"
	"               is loaded there; what it cannot reach and what it remembers are not known\n"
	"  --json       one JSON object\n"
	"\n"
	"Ends with 0 if Pelorus takes it to an instance, 3 if no prober is at work, 4 if NAME is not\n"
	"followed or connections go where DNS leads, 2 if NAME is no host name.\n";

static bool arg_json;

struct asked {
	char name[PEL_NAME_MAX]; /* normal form */
	uint16_t port;           /* 0: the cluster's */
	enum pel_role role;      /* PEL_ROLE_UNKNOWN: the name's own */
	pid_t pid;               /* of the process that asks; 0: any */
	struct as_process as;
};

struct seen {
	struct pel_ref ref;
	struct pel_hot hot;
	struct report report;
};

static const char *kind_text(enum pel_kind kind)
{
	/* clang-format off */
	static const char *const texts[] = {
		[PEL_KIND_OTHER] = "a name of no known form",
		[PEL_KIND_WRITER] = "a cluster endpoint by its form",
		[PEL_KIND_READER] = "a reader endpoint by its form",
		[PEL_KIND_CUSTOM] = "a custom endpoint by its form",
		[PEL_KIND_GLOBAL] = "a global cluster's endpoint by its form",
		[PEL_KIND_INSTANCE] = "one instance by its form: never redirected",
		[PEL_KIND_PROXY] = "an RDS proxy by its form: left alone",
		[PEL_KIND_SHARDS] = "a shard group by its form: left alone",
	};
	/* clang-format on */

	return texts[kind];
}

/* Nothing that is printed here needs to be escaped: names, addresses, ids, our own words. */
static void because_print(const char *sentence, const char *word)
{
	printf(arg_json ? ",\"because\":\"%s\",\"reason\":\"%s\"}\n" : "because    %s (%s)\n",
		sentence, word);
}

/* Why, in a word that never changes and in a sentence. */
static void print_reason(enum route_reason reason)
{
	/* clang-format off */
	static const char *const sentences[] = {
		[ROUTE_BY_ROLE] = "that is the name's role",
		[ROUTE_BY_MEMBERS] = "it is a member of the custom endpoint",
		[ROUTE_LAGGED_READER] = "all readers lag, this one least",
		[ROUTE_LAGGED_TO_WRITER] = "all readers lag, and reader-fallback is writer",
		[ROUTE_NO_READER] = "there is no reader",
		[ROUTE_NO_WRITER] = "there are readers alone here",
		[ROUTE_ALL_LAGGED] = "all readers lag, and reader-fallback is refuse",
		[ROUTE_BETWEEN_WRITERS] = "there is no writer; one is awaited",
		[ROUTE_WRITER_RECANTS] = "the writer says of itself that it is a reader",
		[ROUTE_WRITER_LOST] = "the writer is unreachable, and no other is known yet",
		[ROUTE_STALE] = "the prober is silent",
		[ROUTE_UNKNOWN] = "the topology is not known",
		[ROUTE_DNS_ONLY] = "there are no credentials to read the topology with",
		[ROUTE_WRITERLESS_LONG] = "there has been no writer for longer than connects wait for one",
		[ROUTE_UNROUTABLE] = "the prober could not log in there directly",
		[ROUTE_EXCLUDED] = "it cannot be reached from here",
		[ROUTE_NO_FAMILY] = "it has no address of a usable family",
		[ROUTE_NO_MEMBER] = "no member of the custom endpoint can take it",
		[ROUTE_BAD_INTENT] = "the name has no role in this cluster",
		[ROUTE_OBSERVED] = "the cluster is observed, and led nowhere",
		[ROUTE_SWITCHED_OFF] = "it is switched off",
	};
	/* clang-format on */

	because_print(sentences[reason], route_word(reason));
}

static void addr_text(const struct pel_addr *addr, char ret[static INET6_ADDRSTRLEN])
{
	*ret = '\0';
	(void)inet_ntop(addr->family == 6 ? AF_INET6 : AF_INET, addr->ip, ret, INET6_ADDRSTRLEN);
}

/* The instance that has an address; -1 if none has. */
static int instance_at(const struct pel_hot *hot, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < hot->n_instances; i++) {
		const struct pel_hot_instance *in = &hot->instances[i];

		if ((addr->family == 4 && (in->flags & PEL_INST_HAS4) &&
			    memcmp(in->ip4, addr->ip, 4) == 0) ||
			(addr->family == 6 && (in->flags & PEL_INST_HAS6) &&
				memcmp(in->ip6, addr->ip, 16) == 0))
			return (int)i;
	}
	return -1;
}

/* What an address is; of `port` 0 none is told. */
static void addr_print(const struct pel_addr *addr, const struct seen *seen)
{
	char text[INET6_ADDRSTRLEN];
	int i = seen ? instance_at(&seen->hot, addr) : -1;

	addr_text(addr, text);
	printf(arg_json ? "{\"address\":\"%s\"" : " %s", text);
	if (addr->port)
		printf(arg_json ? ",\"port\":%u" : ", port %u", addr->port);
	if (i >= 0)
		printf(arg_json ? ",\"instance\":\"%s\",\"role\":\"%s\"" : ": %s, %s",
			seen->report.instances[i].id,
			pel_word_of_role(seen->hot.instances[i].role));
	fputs(arg_json ? "}" : "\n", stdout);
}

static void addr_of(const struct addrinfo *a, struct pel_addr *ret)
{
	const void *addr = a->ai_addr;

	*ret = (struct pel_addr){.family = a->ai_family == AF_INET6 ? 6 : 4};
	if (ret->family == 6)
		memcpy(ret->ip, &((const struct sockaddr_in6 *)addr)->sin6_addr, 16);
	else
		memcpy(ret->ip, &((const struct sockaddr_in *)addr)->sin_addr, 4);
}

static void dns_print(const char *name, const struct seen *seen)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int r = getaddrinfo(name, NULL, &hints, &list);

	if (arg_json)
		printf(",\"dns\":[");
	else if (r != 0)
		printf("dns        %s\n", gai_strerror(r));
	for (const struct addrinfo *a = r == 0 ? list : NULL; a; a = a->ai_next) {
		struct pel_addr addr;

		addr_of(a, &addr);
		fputs(!arg_json ? "dns       " : a == list ? "" : ",", stdout);
		addr_print(&addr, seen);
	}
	if (arg_json)
		putchar(']');
	if (r == 0)
		freeaddrinfo(list);
}

static void virtual_print(const struct map_view *view, const struct asked *asked)
{
	const struct pel_map_header *h = &view->map->header;
	uint64_t hash = pel_name_hash(asked->name);
	struct in_addr v4 = {htonl(pel_virtual4(hash, h->vnet4, h->vnet4_bits))};
	char text[INET_ADDRSTRLEN];

	printf(arg_json ? ",\"virtual\":\"%s\""
			: "virtual    %s: what a program is given for the name\n",
		inet_ntop(AF_INET, &v4, text, sizeof(text)));
}

static uint64_t random_number(void)
{
	uint64_t number = clock_now_ns();

	(void)getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number;
}

/* Of a connection that is taken to no instance. */
static void verdict_print(enum route_verdict verdict)
{
	if (arg_json)
		printf(",\"verdict\":\"%s\"",
			verdict == ROUTE_WAIT             ? "wait"
				: verdict == ROUTE_REFUSE ? "refuse"
							  : "dns");
	else
		printf("pelorus    %s\n",
			verdict == ROUTE_WAIT             ? "waits for a writer, within limits"
				: verdict == ROUTE_REFUSE ? "refuses"
							  : "goes where DNS leads");
}

static int route_print(const struct seen *seen, const struct asked *asked, bool fresh,
	enum pel_mode mode)
{
	const struct route_intent intent = {
		.role = asked->role ? (uint8_t)asked->role : seen->hot.names[seen->ref.name].role,
		.name = (uint8_t)seen->ref.name,
		.fresh = fresh,
		.families = ROUTE_FAMILY4 | ROUTE_FAMILY6,
		.now_ns = clock_now_ns(),
		.random = random_number(),
		.turn = random_number(),
	};
	struct route route = route_choose(&seen->hot, &intent);
	struct pel_addr addr;

	if (mode != PEL_MODE_ACTIVE)
		route = (struct route){.verdict = ROUTE_DNS,
			.reason = mode == PEL_MODE_OFF ? ROUTE_SWITCHED_OFF : ROUTE_OBSERVED,
			.instance = PEL_NONE};

	if (route.verdict == ROUTE_INSTANCE &&
		route_address(&seen->hot, route.instance, seen->ref.name, intent.families,
			asked->port ? asked->port : seen->hot.port, &addr)) {
		fputs(arg_json ? ",\"verdict\":\"instance\",\"to\":" : "pelorus   ", stdout);
		addr_print(&addr, seen);
	} else {
		verdict_print(route.verdict);
	}
	print_reason(route.reason);
	return route.verdict == ROUTE_INSTANCE ? STATUS_OK : STATUS_UNKNOWN;
}

/* Nothing but DNS to go by, which the object says as the exit status does. */
static int lost(const char *command, const char *name, int error)
{
	if (arg_json) {
		verdict_print(ROUTE_DNS);
		because_print(error ? "no prober is at work" : "the name is not followed",
			error ? "no-prober" : "not-followed");
	}
	return error ? map_view_fail(command, error)
		     : command_fail(command, STATUS_UNKNOWN,
			       "%s is not followed; connections go where DNS leads", name);
}

/* Why that process is led nowhere by anything, or NULL. */
static const char *as_left_alone(const struct asked *asked, const struct pel_map *map)
{
	if (asked->pid && !asked->as.has_library)
		return "it runs without the library";
	if (asked->pid && !asked->as.env.active)
		return "the library is switched off by its environment";
	if (asked->pid && map && !*asked->as.env.runtime_dir &&
		asked->as.netns != map->header.netns)
		return "it is in another network namespace than the daemon";
	return NULL;
}

static enum pel_mode mode_for(const struct asked *asked, enum pel_mode said)
{
	return asked->as.env.mode > said ? asked->as.env.mode : said;
}

static int alone_print(const char *why)
{
	verdict_print(ROUTE_DNS);
	because_print(why, "left-alone");
	return STATUS_UNKNOWN;
}

static int resolve(const char *command, const struct asked *asked)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct map_view view;
	int r = map_view_open(&view), found, status;

	if (!seen)
		return command_fail(command, STATUS_FAILED, "out of memory");
	printf(arg_json ? "{\"name\":\"%s\",\"kind\":\"%s\"" : "name       %s: %s\n", asked->name,
		kind_text(pel_name_kind(asked->name)));
	found = r < 0 ? r : map_view_hot(&view, asked->name, &seen->ref, &seen->hot);
	if (found == 0)
		found = map_view_find(&view, asked->name, &seen->report);
	dns_print(asked->name, found == 0 ? seen : NULL);
	if (asked->pid)
		printf(arg_json ? ",\"as\":%d" : "as         process %d\n", asked->pid);
	fflush(stdout);
	if (as_left_alone(asked, r < 0 ? NULL : view.map)) {
		status = alone_print(as_left_alone(asked, r < 0 ? NULL : view.map));
	} else if (found < 0) {
		status = lost(command, asked->name, r);
	} else {
		virtual_print(&view, asked);
		status = route_print(seen, asked, pel_map_is_fresh(view.map, clock_now_ns()),
			mode_for(asked, pel_map_mode(view.map, seen->ref.cluster)));
	}
	if (r == 0)
		map_view_close(&view);
	free(seen);
	return status;
}

static bool name_parse(char *text, struct asked *ret)
{
	char *colon = strrchr(text, ':'), *end;
	unsigned long port = 0;

	if (colon) {
		*colon++ = '\0';
		port = strtoul(colon, &end, 10);
		if (end == colon || *end || port == 0 || port > 65535) {
			colon[-1] = ':';
			return false;
		}
	}
	ret->port = (uint16_t)port;
	return pel_name_normalise(text, ret->name) == 0;
}

int cmd_resolve(int argc, char **argv)
{
	const char *role = NULL, *as = NULL;
	const struct command_option options[] = {{"role", .word = &role}, {"as", .word = &as},
		{"json", .flag = &arg_json}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, help), r;
	static struct asked asked;

	if (status >= 0)
		return status;
	if (role && !command_role(role, &asked.role))
		return command_wrong(argv[0], "--role", role, "writer or reader");
	if (!name_parse(argv[optind], &asked))
		return command_wrong(argv[0], "NAME", argv[optind],
			"a host name, and a port of 1 to 65535");
	if (as) {
		asked.pid = command_pid(as);
		if (asked.pid == 0)
			return command_wrong(argv[0], "--as", as, "the number of a process");
		r = as_process_become(asked.pid, &asked.as);
		if (r < 0)
			return command_fail(argv[0], STATUS_FAILED, "process %s: %s", as,
				strerror(-r));
		if (!asked.role)
			asked.role = env_role_of(&asked.as.env, asked.name);
	}
	return resolve(argv[0], &asked);
}
