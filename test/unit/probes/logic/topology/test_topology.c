/* SPDX-License-Identifier: Apache-2.0 */
/* The topology of a cluster: every rule and every oddity as a script; see topology_script.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "table.h"
#include "topology_script.h"

#define NO_MATTER 99

struct row {
	const char *title;
	const char *script;
	const char *picture;
	const char *bits; /* of the last word, without DATA; NULL: does not matter */
	unsigned wakes;   /* since `up`; NO_MATTER */
	uint32_t hold_ms;
};

static const struct row rows[] = {
	/* first contact */
	{"nothing is known at first", "names", "unknown:starting", "", 0},
	{"a writer name's first address is to be met", "names w:1", "unknown:starting", "C", 0},
	{"the first contact is a member, not yet routable", "names w:1 scout:1,w,t:1M,2",
		"unknown:starting 1?x 2?x", "EM", 0},
	{"a host that leads to the first contact makes it the writer",
		"names w:1 scout:1,w,t:1M,2 1d:1", "known 1W 2?x", "SWFEV", 1},
	{"three instances are known", "up3", "known 1W 2R 3R", "", 0},
	{"a reader as first contact makes no writer", "names w:2 scout:2,r,t:1M,2 2d:2 2h 2r",
		"unknown:starting 1?x 2R", "", 0},
	{"the writer that a reader's table names has to say so itself",
		"names w:2 scout:2,r,t:1M,2 1d:1 1h", "unknown:starting 1? 2Rx", NULL, 0},
	{"... and is known when it does", "names w:2 scout:2,r,t:1M,2 2d:2 2r 1d:1 1h 1w",
		"known 1W 2R", "SWFE", 1},
	{"after a while without claims there is no writer",
		"names w:2 scout:2,r,t:1M,2 2d:2 2r +1500", "unknown:nowriter 1?x 2R", NULL, 0},
	{"an empty table makes nobody the writer", "names w:1 scout:1,w 1d:1",
		"unknown:starting 1?", NULL, 0},
	{"... until a table comes", "names w:1 scout:1,w 1d:1 1t:1M", "known 1W", "SWFE", 1},
	{"a cluster of one is one", "up1", "known 1W", "", 0},
	{"no answer for five seconds is a verdict", "names w:1 +5000", "unknown:noanswer", NULL, 0},

	/* confirmation */
	{"the writer's own answer keeps it", "up3 1w", "known 1W 2R 3R", "", 0},
	{"a writer that says reader is none", "up3 1r", "writerless 1R 2R 3R", "SE", 1},
	{"a promoted reader is the writer at once when the old one recanted", "up3 1r 2w",
		"known 1R 2W 3R", "SWE", 2},
	{"... at once when the old one's connection is lost", "up3 1x 2w", "known 1? 2W 3R", "SWE",
		1},
	{"... at once when the old one is unreachable", "up3 1u 2w", "known 1?u 2W 3R", "SWE", 2},
	{"... at once when the old one is silent", "up3 1p 2w", "known 1? 2W 3R", "SWE", 1},
	{"an old writer that is well is asked first", "up3 1w 2w", "known 1W 2? 3R", "E", 0},
	{"... and gives way when it says reader", "up3 1w 2w 1r", "known 1R 2W 3R", "SWE", 1},
	{"... or when it does not answer in time", "up3 1w 2w +60", "known 1? 2W 3R", NULL, 1},
	{"... which began before the claim if it was being asked already", "up3 1w 1? +40 2w +17",
		"known 1W 2? 3R", NULL, 0},
	{"... and is over then", "up3 1w 1? +40 2w +20", "known 1? 2W 3R", NULL, 1},
	{"... so that one that owes an answer for long is not waited for", "up3 1w 1? +80 2w",
		"known 1? 2W 3R", "SWE", 1},
	{"... and one that has just answered is", "up3 1w 1? +80 1w 2w", "known 1W 2? 3R", "E", 0},
	{"an old writer that is silent since is not the next one", "up3 1? +80 2w +300 2u",
		"writerless 1? 2?u 3R", "SE", 2},
	{"... not even if it answers what it was asked before", "up3 1? +80 2w +300 2u 1w@380",
		"writerless 1? 2?u 3R", NULL, 2},
	{"... but if it says so anew", "up3 1? +80 2w +300 2u 1w", "known 1W 2?u 3R", "SWE", 3},
	{"an answer to a question from before the claim does not count against it",
		"up3 1w +50 2w 1w@20", "known 1W 2? 3R", "", 0},
	{"the table alone makes no writer", "up3 3t:2M,1,3 +2000 1w", "known 1W 2R 3R", NULL,
		NO_MATTER},
	{"a lost connection to the writer alone changes nothing", "up3 1x", "known 1W 2R 3R", "",
		0},
	{"... and the same writer goes on when it is back", "up3 1x +200 1h 1w", "known 1W 2R 3R",
		"", 0},
	{"a writer that refuses is none at once", "up3 1x 1u", "writerless 1?u 2R 3R", "SE", 1},
	{"a lost writer is held for thirty seconds, then the topology is unknown", "up3 1x +29900",
		"known 1W 2R 3R", NULL, 0},
	{"... and no longer", "up3 1x +30100", "unknown:nowriter 1? 2R 3R", NULL, 1},
	{"a restarted writer is the writer again", "up3 1x 1u +900 1o 1h 1w", "known 1W 2R 3R",
		"SWE", 2},
	{"a stalled writer stays the writer", "up3 1s", "known 1Ws 2R 3R", "E", 0},
	{"an answer on a connection that is lost is nothing", "up3 1r 2x 2w", "writerless 1R 2R 3R",
		"", 1},
	{"a claim from an address that is not the login's is nothing", "up3 2h#9 2w@0",
		"known 1W 2?x 3R", NULL, NO_MATTER},

	/* two that say writer */
	{"two that repeat their claims are no writer", "up3 2w 1w", "writerless:disputed 1? 2? 3R",
		"SE", 1},
	{"... until the new one recants", "up3 2w 1w 2r", "known 1W 2R 3R", "SWE", 2},
	{"... or the old one", "up3 2w 1w +40 1r", "known 1R 2W 3R", "SWE", 2},
	{"... or the old one's connection ends", "up3 2w 1w 1x", "known 1? 2W 3R", "SWE", 2},
	{"... or the old one is unreachable", "up3 2w 1w 1u", "known 1?u 2W 3R", "SWE", 2},
	{"... or a table newer than the dispute decides", "up3 2w 1w +500 3t100:2M,1,3",
		"known 1? 2W 3R", "SWE", 2},
	{"a table older than the dispute decides nothing", "up3 2w 1w +50 3t100:2M,1,3",
		"writerless:disputed 1? 2? 3R", "", 1},
	{"a newer table with an old MASTER row decides nothing", "up3 2w 1w +500 3t100:3,2M+450,1",
		"writerless:disputed 1? 2? 3R", "", 1},
	{"an undatable table decides nothing", "up3 2w 1w +9000 3tx:2M,1,3",
		"writerless:disputed 1? 2? 3R", NULL, NO_MATTER},
	{"a table that names a third decides nothing", "up3 2w 1w +500 3t100:3M,1,2",
		"writerless:disputed 1? 2? 3R", "", 1},
	{"who lost the decision may go on claiming", "up3 2w 1w +500 3t100:2M,1,3 1w 2w 1w",
		"known 1? 2W 3R", "", 2},
	{"... and is the writer if the other recants", "up3 2w 1w +500 3t100:2M,1,3 1w 2r",
		"known 1W 2R 3R", "SWE", 3},
	{"... and stays overruled if the same witness changes its mind",
		"up3 2w 1w +500 3t100:2M,1,3 1w 2w +1000 3t100:1M,2,3 1w 2w +1000 3t100:1M,2,3",
		"known 1? 2W 3R", NULL, 2},
	{"... until a second witness says so too",
		"up4 2w 1w +500 3t100:2M,1,3,4 1w 2w +1000 3t100:1M,2,3,4 1w 2w +1000 "
		"4t100:1M,2,3,4",
		"known 1W 2? 3R 4R", "SWE", 3},
	{"... who were heard before the decision do not count",
		"up4 2w 1w +400 4t100:1M+90,2,3,4 +100 3t100:2M,1,3,4 1w 2w +1000 3t100:1M,2,3,4",
		"known 1W 2? 3R 4R", NULL, 2},
	{"a decision is taken back twice, then the dispute stands",
		"up4 2w 1w +500 3t100:2M,1,3,4 1w 2w "
		"+6000 3t100:1M,2,3,4 4t100:1M,2,3,4 1w 2w "
		"+6000 3t100:2M,1,3,4 4t100:2M,1,3,4 1w 2w "
		"+6000 3t100:1M,2,3,4 4t100:1M,2,3,4 1w 2w",
		"writerless:disputed 1? 2? 3R 4R", NULL, 5},
	{"... and no table ends it any more",
		"up4 2w 1w +500 3t100:2M,1,3,4 1w 2w "
		"+6000 3t100:1M,2,3,4 4t100:1M,2,3,4 1w 2w "
		"+6000 3t100:2M,1,3,4 4t100:2M,1,3,4 1w 2w "
		"+6000 3t100:1M,2,3,4 4t100:1M,2,3,4 1w 2w "
		"+6000 3t100:2M,1,3,4 4t100:2M,1,3,4 1w 2w",
		"writerless:disputed 1? 2? 3R 4R", NULL, 5},
	{"... but one that recants does",
		"up4 2w 1w +500 3t100:2M,1,3,4 1w 2w "
		"+6000 3t100:1M,2,3,4 4t100:1M,2,3,4 1w 2w "
		"+6000 3t100:2M,1,3,4 4t100:2M,1,3,4 1w 2w "
		"+6000 3t100:1M,2,3,4 4t100:1M,2,3,4 1w 2r",
		"known 1W 2R 3R 4R", "SWE", 6},
	{"a claimant's own table decides nothing", "up3 2w 1w +500 2t100:2M,1,3",
		"writerless:disputed 1? 2? 3R", "", 1},
	{"... however often both tell theirs",
		"up3 2w 1w +500 2t100:2M,1,3 1w 2w +1000 1t100:1M,2,3 1w 2w +1000 2t100:2M,1,3 1w "
		"2w +1000 1t100:1M,2,3 1w 2w",
		"writerless:disputed 1? 2? 3R", NULL, 1},
	{"a claimant's table about itself stops no other claim",
		"up3 1w 1x +700 1h 1t:1M,2,3 2w 1r", "known 1R 2W 3R", NULL, NO_MATTER},
	{"two whose connections come and go dispute twice, then for ten seconds",
		"up3 2w 1w 1x 1h 1w 2w 1w 1x 1h 1w 2w 1w 1x", "writerless:disputed 1? 2? 3R", NULL,
		5},
	{"... and then the one that is left is the writer",
		"up3 2w 1w 1x 1h 1w 2w 1w 1x 1h 1w 2w 1w 1x +5000 2w +5000 2w", "known 1? 2W 3R",
		NULL, 6},
	{"the table may decide for the older claim", "up3 2w 1w +500 3t100:1M,2,3",
		"known 1W 2? 3R", "SWE", 2},
	{"a third that claims after a decision disputes it", "up3 2w 1w +500 3t100:2M,1,3 1r 3w 2w",
		"writerless:disputed 1R 2? 3?", NULL, NO_MATTER},
	{"a witness that has not heard of the newest claim decides nothing",
		"up4 2w 1w +500 3w 4t100:2M,1,3,4", "writerless:disputed 1? 2? 3? 4R", NULL,
		NO_MATTER},
	{"two that were overruled dispute when the one decided for recants",
		"up4 2w 3w 1w 2w 3w +500 4t100:1M,2,3,4 1w 2w 3w 1r",
		"writerless:disputed 1R 2? 3? 4R", NULL, NO_MATTER},
	{"a dispute of thirty seconds is unknown, and says why", "up3 2w 1w +30000",
		"unknown:disputed 1? 2? 3R", NULL, NO_MATTER},
	{"three that claim are no writer", "up3 2w 1w 3w 1w 2w", "writerless:disputed 1? 2? 3?", "",
		1},
	{"an old writer that comes back from a cut and still claims disputes",
		"up3 1p 2w +5000 1o 1w", "writerless:disputed 1? 2? 3R", "SE", 2},
	{"... but not with an answer that was on its way all the time",
		"up3 1p 2w +5000 1w@5010 1o", "known 1? 2W 3R", NULL, 1},

	/* claims that are not renewed */
	{"a writer that answers with errors for a moment stays the writer",
		"up3 1e +2000 1e +2000 1e +900 1e", "known 1W 2R 3R", "", 0},
	{"... if it says so again it does for ever", "up3 1e +4900 1e 1w 1e +4900 1e",
		"known 1W 2R 3R", "", 0},
	{"... but one that answers without saying so for five seconds claims no more",
		"up3 1e +2500 1e +2500 1e", "unknown:nowriter 1? 2R 3R", "SE", 1},
	{"... silence between two answers is not that", "up3 1e +29000", "known 1W 2R 3R", NULL, 0},
	{"... and is no longer waited for by one that claims", "up3 1e +2500 1e +2500 1e 2w +60 2w",
		"known 1? 2W 3R", NULL, 2},
	{"... nor disputes", "up3 2w 1w 1e +2600 2w 1e +2600 1e 2w", "known 1? 2W 3R", NULL, 2},
	{"... and is the writer when it says so again", "up3 1e +2500 1e +2500 1e 1w",
		"known 1W 2R 3R", "SWFE", 2},
	{"a reader's errors say nothing", "up3 2e +3000 2e +3000 2e", "known 1W 2R 3R", "", 0},

	/* the second witness */
	{"a table newer than the writer's last answer gives it time to answer",
		"up3 +700 2t:2M,1,3", "known 1W 2R 3R", "", 0},
	{"... and its answer ends the matter", "up3 +700 2t:2M,1,3 +20 1w +1000", "known 1W 2R 3R",
		NULL, 0},
	{"... but silence does too", "up3 +700 2t:2M,1,3 +250", "writerless 1? 2R 3R", NULL, 1},
	{"... and a late answer brings it back", "up3 +700 2t:2M,1,3 +250 1w", "known 1W 2R 3R",
		"SWE", 2},
	{"a table older than the writer's answer says nothing", "up3 +700 1w 2t:2M,1,3 +900",
		"known 1W 2R 3R", NULL, 0},
	{"a table without a MASTER row says nothing", "up3 +700 2t:2,1,3 +900", "known 1W 2R 3R",
		NULL, 0},
	{"an undatable table vetoes nothing", "up3 +9000 2tx:2M,1,3 +900", "known 1W 2R 3R", NULL,
		0},
	{"an old MASTER row in a new table vetoes nothing", "up3 +700 2t:2M+5000,1,3 +900",
		"known 1W 2R 3R", NULL, 0},
	{"of two MASTER rows the newer counts", "up3 +700 2t:1M,2M+3000,3 +900", "known 1W 2R 3R",
		NULL, 0},
	{"a table that still names the old writer does not stop the new one", "up3 1r 2w 3t:1M,2,3",
		"known 1R 2W 3R", "", 2},
	{"... even with rows newer than its last answer, if it answers",
		"up3 1r 2w +700 3t:1M,2,3 +20 2w +900 2w", "known 1R 2W 3R", NULL, 2},
	{"a held writer that the table contradicts is given up", "up3 1x +700 2t:2M,1,3 +250",
		"writerless 1? 2R 3R", NULL, 1},
	{"a table that goes on lying is told once", "up3 3t:2M,1,3 1w +9990 1w +20",
		"known 1W 2R 3R", "I", 0},
	{"... and not again", "up3 3t:2M,1,3 1w +10000 1w 3t:2M,1,3 1w", "known 1W 2R 3R", "", 0},

	/* which table */
	{"a lagging replica's old table does not replace a newer one",
		"up3 1t:1M,2,3 3t60000:3M,1 1w", "known 1W 2R 3R", "", 0},
	{"an undatable table does not replace a dated one", "up3 1t:1M,2,3 3tx:3M,4",
		"known 1W 2R 3R", "", 0},
	{"a dated table replaces an undated one at once", "up1 +6000 1w 1tx:1M 1t:1M,2 1tx:1M,3",
		"known 1W 2?x", "", 0},
	{"... unless there was none for five seconds", "up3 1t:1M,2,3 +5000 1w 3tx:1M,2,3,4",
		"known 1W 2R 3R 4?x", "EM", 0},

	/* no writer */
	{"both killed, one comes back as the writer", "up2 1x 1u 2x 2u +3000 2o 2h 2w",
		"known 1?u 2W", "SWE", NO_MATTER},
	{"thirty seconds without a writer are a set of readers alone", "up3 1r +30000",
		"known 1R 2R 3R", NULL, 1},
	{"... unless one of them is not heard of", "up3 1r 3x 3u +30000",
		"unknown:nowriter 1R 2R 3Ru", NULL, 2},
	{"... for a minute", "up3 1r 3x 3u +60000", "known 1R 2R 3Ru", NULL, 2},
	{"... or a table names one that has not answered since", "up3 1r +700 2t:4M,1,2,3 +30000",
		"unknown:nowriter 1R 2R 3R 4?x", NULL, 1},
	{"... twenty-nine are not", "up3 1r +29000", "writerless 1R 2R 3R", NULL, 1},
	{"who waits for less awaits no writer for longer", "up3 1r +5000", "known 1R 2R 3R", NULL,
		1, .hold_ms = 5000},
	{"... nor does another that is not heard of count for more", "up3 1r 3x 3u +5000",
		"unknown:nowriter 1R 2R 3Ru", NULL, 2, .hold_ms = 5000},
	{"... until then it is awaited", "up3 1r +4000", "writerless 1R 2R 3R", NULL, 1,
		.hold_ms = 5000},
	{"who waits for more awaits one for longer", "up3 1r +59000", "writerless 1R 2R 3R", NULL,
		1, .hold_ms = 60000},
	{"... also while another is not heard of", "up3 1r 3x 3u +119000", "writerless 1R 2R 3Ru",
		NULL, 2, .hold_ms = 120000},
	{"... until that is over", "up3 1r +60000", "known 1R 2R 3R", NULL, 1, .hold_ms = 60000},
	{"... and a writer is the writer also after that", "up3 1r +40000 3w", "known 1R 2R 3W",
		"SWE", 2},
	{"a whole cluster that is cut is severed, and nobody answers", "up3 1u 2u 3u +30000",
		"unknown:noanswer 1?u 2Ru 3Ru", NULL, 3},
	{"a cluster of one that is cut", "up1 1u", "writerless 1?u", "SE", 1},

	/* readers alone */
	{"readers alone are known", "names w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1400 2r",
		"unknown:starting 1R 2R", "", 0},
	{"... after the time that a claim would take",
		"names w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1500", "known 1R 2R", NULL, 0},
	{"... not before each has said so", "names w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h +20000",
		"unknown:nowriter 1R 2?", NULL, 0},
	{"... nor if the table knows of a writer",
		"names w:1 scout:1,r,t:1,2,3M 1d:1 1r 2d:2 2h 2r +70000",
		"unknown:nowriter 1R 2R 3?x", NULL, 0},
	{"... nor soon if it names one that says that it is none",
		"names w:1 scout:1,r,t:1M,2 1d:1 1r 2d:2 2h 2r +1500", "unknown:nowriter 1R 2R",
		NULL, 0},
	{"... but after the time of a failover",
		"names w:1 scout:1,r,t:1M,2 1d:1 1r 2d:2 2h 2r +30000", "known 1R 2R", NULL, 0},
	{"where an earlier daemon knew a writer, there is none now",
		"names await w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1500", "writerless 1R 2R",
		NULL, 0},
	{"... until one claims", "names await w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1500 2w",
		"known 1R 2W", NULL, NO_MATTER},
	{"... or none has for the time of a failover",
		"names await w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +30000", "known 1R 2R", NULL,
		NO_MATTER},
	{"... but only if somebody says so", "names await w:1 +4000", "unknown:starting", "", 0},
	{"... or for as long as connects wait",
		"names await:40000 w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +18000",
		"writerless 1R 2R", NULL, 0, .hold_ms = 60000},
	{"... and is not where they do not any more",
		"names await:40000 w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r",
		"unknown:starting 1R 2R", NULL, 0},
	{"one that is lost is no reason to doubt the others",
		"names w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1500 2x 2u +1000", "known 1R 2Ru",
		NULL, 1},
	{"... but nobody that answers is",
		"names w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1500 "
		"2x 2u 1x 1u +5000",
		"unknown:noanswer 1Ru 2Ru", NULL, 2},
	{"one of them that claims is the writer at once",
		"names w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1500 2w", "known 1R 2W", "SWE", 1},
	{"... and when it says reader a writer is awaited first",
		"names w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1500 2w 2r", "writerless 1R 2R",
		"SE", 2},
	{"a table that names a writer ends it",
		"names w:1 scout:1,r,t:1,2 1d:1 1r 2d:2 2h 2r +1500 1t:1,2,3M",
		"unknown:nowriter 1R 2R 3?x", NULL, NO_MATTER},

	/* identity */
	{"another id at the member's address is not the member", "up3 2h=7", "known 1W 2?x 3R",
		"SEJ", 1},
	{"another id at another address changes nothing", "up3 2h#9=7", "known 1W 2R 3R", "J", 0},
	{"the writer's address with another id is no writer", "up3 1h=7", "writerless 1?x 2R 3R",
		"SEJ", 1},
	{"another uuid at the same address is another server", "up3 2h~b", "known 1W 2? 3R", "SE",
		1},
	{"... and what the former said of itself is void", "up3 1h~b", "writerless 1? 2R 3R", "SE",
		1},
	{"the same identity again is no change", "up3 2x 2h 2r", "known 1W 2R 3R", "", 0},
	{"a member that moved is routable where its host leads", "up3 2x 2d:9 2h#9 2r",
		"known 1W 2R 3R", NULL, 1},
	{"a host that leads elsewhere for a moment moves nobody", "up3 2d:9 +300 2d:2 +300 2d:9",
		"known 1W 2R 3R", "", 0},
	{"a host that leads elsewhere for good is to be logged in to",
		"up3 2d:9 +300 2d:9 +300 2d:9", "known 1W 2R 3R", "V", 0},
	{"a login that is not at the host's address does not make routable",
		"names w:1 scout:1,w,t:1M 1d:8", "unknown:starting 1?x", NULL, 0},
	{"... which is said after a while", "names w:1 scout:1,w,t:1M 1d:8 +1600",
		"unknown:unroutable 1?x", NULL, 0},
	{"a new writer that is not routable is unknown, not waited for",
		"up3 4h 1t:1M,2,3,4 4h 1x 1u 4w"
		" +1600",
		"unknown:unroutable 1?u 2R 3R 4?x", NULL, NO_MATTER},

	/* members */
	{"a row makes a member, not yet routable", "up3 1t:1M,2,3,4", "known 1W 2R 3R 4?x", "EM",
		0},
	{"a row that was missed once is not forgotten", "up3 1t:1M,2", "known 1W 2R 3R", "", 0},
	{"a dead member without a row is forgotten after a while",
		"up3 3x 1t:1M,2 +60500 1w 1t:1M,2", "known 1W 2R", "SEM", 1},
	{"a live one stays longer", "up3 1t:1M,2 +20000 1w 1t:1M,2", "known 1W 2R 3R", "", 0},
	{"... not for ever", "up3 1t:1M,2 +181000 1w 1t:1M,2", "known 1W 2R", "SEM", 1},
	{"nobody is forgotten while no table comes", "up3 2x 3x 1t:1M +400000 1w", "known 1W 2R 3R",
		NULL, 0},
	{"the writer is not forgotten for want of a row", "up3 2t:2,3 +190000 1w 2t:2,3",
		"known 1W 2R 3R", NULL, 0},
	{"who was crowded out of a cut table stays", "up3 1t:1M,2 +190000 1w 2t!:1M,2",
		"known 1W 2R 3R", NULL, 0},
	{"refused rows are told once", "up3 1t*:1M,2,3", "known 1W 2R 3R", "O", 0},
	{"... not twice", "up3 1t*:1M,2,3 1t*:1M,2,3", "known 1W 2R 3R", "", 0},
	{"... again after they were gone", "up3 1t*:1M,2,3 1t:1M,2,3 1t*:1M,2,3", "known 1W 2R 3R",
		"O", 0},

	/* health */
	{"an unreachable reader severs", "up3 3u", "known 1W 2R 3Ru", "SE", 1},
	{"... once", "up3 3u 3x", "known 1W 2R 3Ru", "", 1},
	{"a stalled reader severs nothing", "up3 3s", "known 1W 2R 3Rs", "E", 0},
	{"a suspect is no news", "up3 3p", "known 1W 2R 3R", "", 0},
	{"an unreachable reader that is well again is a change, and severs nothing", "up3 3u 3o",
		"known 1W 2R 3R", "E", 1},

	/* terms */
	{"a claim of a later term waits for nobody", "up3 1w^5 2r^5 3r^5 2w^6", "known 1? 2W 3R",
		"SWE", 1},
	{"... and is not contested by who goes on",
		"up3 1w^5 2r^5 3r^5 2w^6 1w^5 +60 1w^5 +300 1w^5 2w^6", "known 1? 2W 3R", "", 1},
	{"... nor by who comes back", "up3 1w^5 2r^5 1x 1u 2w^6 2w^6 +900 1h 1w^5 1o 1w^5 2w^6",
		"known 1? 2W 3R", "", 2},
	{"who was the writer of an earlier term is not the next one",
		"up3 1w^5 2r^5 2w^6 1w^5 2x 2u 1w^5", "writerless 1? 2?u 3R", "", 2},
	{"... until it is of a later one", "up3 1w^5 2r^5 2w^6 1w^5 2x 2u 1w^5 1w^7",
		"known 1W 2?u 3R", "SWE", 3},
	{"a writer has time to come to the readers' term", "up3 1w^5 3r^6 +200 1w^5 1w^6 +300 1w^6",
		"known 1W 2R 3R", "", 0},
	{"... not for long", "up3 1w^5 3r^6 +300 1w^5", "writerless 1? 2R 3R", "SE", 1},
	{"... if that reader can be asked", "up3 1w^5 3r^6 3x +300 1w^5", "known 1W 2R 3R", "", 0},
	{"nobody else has", "up3 1w^5 3r^6 1x 1u 2w^5", "writerless 1?u 2? 3R", NULL, 1},
	{"terms of two eras say nothing of each other", "up3 1w^5 2w^2.9 1w^5 +10 2w^2.9",
		"writerless:disputed 1? 2? 3R", NULL, 1},
	{"... nor does one that tells none", "up3 1w^5 2w 1w^5 +10 2w",
		"writerless:disputed 1? 2? 3R", NULL, 1},

	/* blue/green, and who lives where DNS leads */
	{"DNS that flickers to a stranger begins nothing", "up2 w:5 +300 w:1 +300 w:5",
		"known 1W 2R", "", 0},
	{"DNS that leads steadily to a stranger has him met", "up2 w:5 +300 w:5 +300 w:5",
		"known 1W 2R", "C", 0},
	{"... after two answers while there is no writer", "up2 1r w:5 +300 w:5",
		"writerless 1R 2R", "C", 1},
	{"answers that come too fast do not count", "up2 w:5 w:5 w:5 +100 w:5", "known 1W 2R", "",
		0},
	{"the same ids with other uuids are learnt anew",
		"up2 1r w:5 +300 w:5 scout:1#5~b,w,t:1M,2", "known 1W 2?x", "SWEML", 2},
	{"... and their readers when their hosts lead to them",
		"up2 1r w:5 +300 w:5 scout:1#5~b,w,t:1M,2 2d:6 2h#6~c 2r", "known 1W 2R", "E", 2},
	{"... not where the old one still lives under a new id",
		"up2 1r w:5 +300 w:5 scout:1#5~b,w,t:1M,2 2d:2 2h#2=9", "known 1W 2?x", "J", 2},
	{"a stranger whose table has our writer is a newcomer, and sockets there are judged",
		"up2 w:4 +300 w:4 +300 w:4 scout:4,r,t:1M,2,4", "known 1W 2R 4Rx", "SEM", 1},
	{"... one whose table has not is another cluster's",
		"up2 w:4 +300 w:4 +300 w:4 scout:4,w,t:4M,5", "known 4W 5?x", "SWEML", 1},
	{"a member by another way is an alias", "up2 w:5 +300 w:5 +300 w:5 scout:1#5,w,t:1M,2",
		"known 1W 2R", "", 0},
	{"a stranger lives where a live member's host leads too",
		"up2 1d:5 w:5 +300 1d:5 w:5 +300 1d:5 w:5", "known 1W 2R", "C", 0},
	{"a first contact whose host leads nowhere is met again when it is lost",
		"names w:1 scout:1,w,t:1M 1x w:1", "unknown:starting 1?x", "C", 0},
	{"a lost member is logged in to, not met", "up1 1x 1u w:1", "writerless 1?u", "", 1},
	{"... and is not met again", "up2 w:5 +300 w:5 +300 w:5 scout:1#5,w,t:1M,2 w:5 +300 w:5",
		"known 1W 2R", "", 0},
	{"DNS that still leads to the old writer after a failover is no stranger",
		"up3 1x 1u 2w w:1 +300 w:1 +300 w:1", "known 1?u 2W 3R", "", 2},

	/* reasons */
	{"no credentials are DNS alone", "names w:1 why:nocred", "dns-unknown:nocred", "FE", 0},
	{"refused credentials are too", "names w:1 why:denied", "dns-unknown:denied", "FE", 0},
	{"a server without a topology too", "names w:1 why:nocluster", "dns-unknown:nocluster",
		"FE", 0},
	{"credentials that are refused later do not end a known topology", "up3 why:denied",
		"known 1W 2R 3R", "", 0},
	{"... until nobody could be asked for thirty seconds", "up3 why:denied 1x 2x 3x +31000",
		"dns-unknown:denied 1? 2R 3R", NULL, 1},
	{"credentials that come end DNS alone", "names w:1 why:nocred why:none", "unknown:starting",
		"FE", 0},
};

static void holds(void **state)
{
	const struct row *row = *state;
	struct play *p =
		play_new(&(struct topology_config){.has_table = true, .hold_ms = row->hold_ms});
	char picture[256], letters[16];

	play(p, row->script);
	assert_string_equal(play_picture(p, picture, sizeof(picture)), row->picture);
	if (row->bits)
		assert_string_equal(play_letters(p->bits, letters), row->bits);
	if (row->wakes != NO_MATTER)
		assert_int_equal(p->wakes, row->wakes);
	free(p);
}

/* In tenths of a second, a part of one for a whole one; and who waits looks anew. */
static void the_map_tells_how_long_connects_wait(void **state)
{
	static const struct {
		uint32_t hold_ms;
		uint16_t hold;
	} cases[] = {{0, PEL_HOLD_OF(0)}, {1, PEL_HOLD_OF(100000000)},
		{100, PEL_HOLD_OF(100000000)}, {2500, PEL_HOLD_OF(2500000000)},
		{30000, PEL_HOLD_OF(30000000000)}, {600000, PEL_HOLD_OF(PEL_HOLD_MAX_NS)}};
	struct play *p = play_new(&(struct topology_config){.has_table = true});
	struct topology_config config = p->t.config;
	struct pel_hot hot;
	struct pel_cold cold;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool other = config.hold_ms != cases[i].hold_ms;
		unsigned bits;

		config.hold_ms = cases[i].hold_ms;
		bits = topology_configure(&p->t, &config, p->now);
		assert_int_equal(!!(bits & TOPOLOGY_WAKES), other);
		topology_view(&p->t, &hot, &cold, NULL);
		assert_int_equal(hot.hold, cases[i].hold);
	}
	free(p);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(the_map_tells_how_long_connects_wait),
	};

	return table_run("topology", TABLE_OF(rows, holds, others), NULL, NULL);
}
