/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for the whole engine whatever the world does: hours of it in seconds.
 *
 *   test_engine [--seed N] [--rounds N] [--world PART-OF-A-NAME]
 *
 * Each world is played for its seeds, and each claim is made of the worst that was seen in any of
 * them.  A failing claim names its seed; SIM_LOG=1 shows the engine's log of it.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct claim {
	enum figure figure;
	unsigned most;
	const char *text;
};

/* clang-format off */
static const struct claim claims[] = {
	{FIGURE_DNS_SIX, 12, "look-ups of a name in 6 s"},
	{FIGURE_DNS_ONE, 3, "in 1 s"},
	{FIGURE_ASKS_ONE, 55, "questions to a server in 1 s"},
	{FIGURE_ASKS_TIRED, 24, "in 10 s, late in an alarm"},
	{FIGURE_ASKS_CALM, 20, "in 10 s, all well"},
	{FIGURE_DIALS_ONE, 22, "connections to a server in 1 s"},
	{FIGURE_DIALS_TIRED, 10, "in 10 s, late in an alarm"},
	{FIGURE_SYNS_ONE, 55, "in 1 s, with those that its kernel refuses"},
	{FIGURE_FAILURES, 6, "failed logins at a server in a minute"},
	{FIGURE_FAILURES_TIRED, 1, "from the tenth minute on"},
	{FIGURE_WRITERS, 1, "writers at once"},
	{FIGURE_UNCLAIMED, 0, "published against the newest claim"},
	{FIGURE_RECANTED, 1, "ms that one is left published who recants"},
	{FIGURE_CHANGES, 2, "changes in 10 s, beyond the true ones"},
	{FIGURE_RECOVERY, 0, "ms until all is right again"},
	{FIGURE_UNRECOVERED, 0, "names that do not get there"},
	{FIGURE_GAP, 600, "ms between questions in a good cluster"},
	{FIGURE_MATE_GAP, 1300, "to a good server of a bad one"},
	{FIGURE_DELAY, 1000, "ms until a good cluster's next writer is published"},
	{FIGURE_SPINS, 2000, "rounds of the loop in 10 ms"},
	{FIGURE_LEFT, 0, "connections left"},
};
/* clang-format on */

#define N_CLAIMS (sizeof(claims) / sizeof(*claims))

static unsigned long arg_seed, arg_rounds = 1;
static const char *arg_world = "";

static void parse(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			arg_seed = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--rounds") == 0)
			arg_rounds = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--world") == 0)
			arg_world = argv[i + 1];
	}
}

static unsigned most_of(const struct claim *c, const struct world *w)
{
	if (w->mixed && (c->figure <= FIGURE_ASKS_CALM || c->figure == FIGURE_CHANGES))
		return c->figure <= FIGURE_DNS_ONE ? c->most : UINT32_MAX;
	return c->figure == FIGURE_RECOVERY ? w->recover_s * 1000 : c->most;
}

/* The worst of several rounds, and in which of them. */
static void play_rounds(const struct world *w, struct figures *worst, unsigned long seeds[FIGURES])
{
	struct figures one;

	*worst = (struct figures){0};
	for (unsigned long i = 0; i < arg_rounds; i++) {
		sim_play(w, arg_seed + i, &one);
		for (unsigned f = 0; f < FIGURES; f++) {
			if (i > 0 && one.worst[f] <= worst->worst[f])
				continue;
			worst->worst[f] = one.worst[f];
			memcpy(worst->where[f], one.where[f], sizeof(one.where[f]));
			seeds[f] = arg_seed + i;
		}
	}
}

/* All figures; those that break a claim with their place and seed. */
static bool print_figures(const struct world *w, const struct figures *f,
	const unsigned long seeds[FIGURES])
{
	bool ok = true;

	for (unsigned i = 0; i < N_CLAIMS; i++)
		printf("%s%u %s", i ? ", " : "# ", f->worst[claims[i].figure], claims[i].text);
	printf("\n");
	for (unsigned i = 0; i < N_CLAIMS; i++) {
		enum figure figure = claims[i].figure;

		if (f->worst[figure] <= most_of(&claims[i], w))
			continue;
		printf("# broken: %s: %u, not %u; --seed %lu --world '%s', %s\n", claims[i].text,
			f->worst[figure], most_of(&claims[i], w), seeds[figure], w->name,
			f->where[figure]);
		ok = false;
	}
	return ok;
}

int main(int argc, char **argv)
{
	unsigned number = 0, failed = 0;

	parse(argc, argv);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < n_worlds; i++) {
		unsigned long seeds[FIGURES] = {0};
		struct figures figures;
		bool ok;

		if (!strstr(worlds[i].name, arg_world))
			continue;
		play_rounds(&worlds[i], &figures, seeds);
		ok = print_figures(&worlds[i], &figures, seeds);
		failed += !ok;
		printf("%sok %u - %s, seeds %lu to %lu\n", ok ? "" : "not ", ++number,
			worlds[i].name, arg_seed, arg_seed + arg_rounds - 1);
	}
	printf("1..%u\n", number);
	return failed ? 1 : 0;
}
