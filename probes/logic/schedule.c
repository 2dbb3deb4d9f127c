/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rhythm of questions.
 *
 * Steady, the next question is due a period after the last one began.  In an alarm it is due at the
 * later of the last answer and an alarm period after the last question began, and everybody is
 * asked the role; the table is asked of one instance at a time.  There is one action under way per
 * instance at any time, so a slow server slows only itself, and no rate can be exceeded.
 *
 * Connections: an attempt that fails is followed by the next after 50 ms with jitter, after the
 * first 10 s of an alarm by twice that, up to a second.  A refusal by the kernel of a server that is
 * starting costs that server nothing: 20 ms after it is tried again, as long as an alarm has its full
 * rate.  A member that was just lost is tried at once.  Where a login failed that the server has
 * noticed, the owner of logins says until when it rests.
 *
 * A member that was just lost is watched: alone it has the full rate of an alarm.  A reader that
 * restarts may come back as the writer, and behind a black hole its restart is heard of before the
 * old writer's silence; late in an outage its return is what all wait for.
 */
#include "schedule.h"

#define MS UINT64_C(1000000)
#define WATCH_NS (10000 * MS)  /* after a connection ended */
#define HINT_NS (1000 * MS)    /* after a round that confirmed the writer */
#define HINT_MIN_NS (500 * MS) /* after any other */

/* An alarm tires: the pace of questions by the time since it began. */
static const struct {
	uint64_t until_ns;
	enum pace_kind pace;
} alarm_rates[] = {
	{10000 * MS, PACE_ROLE_ALARM},
	{60000 * MS, PACE_ROLE_TIRED},
	{UINT64_MAX, PACE_ROLE_SPENT},
};

void schedule_init(struct schedule *s, uint64_t seed, uint64_t now_ns)
{
	*s = (struct schedule){.seed = seed ? seed : 1,
		.writer = PEL_NONE,
		.steady = PACE_ROLE,
		.watch = PACE_ROLE,
		.turn_ns = now_ns};
}

/* xorshift: enough for jitter. */
static uint64_t next_random(struct schedule *s)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return s->seed;
}

static uint64_t max_ns(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool is_watched(const struct schedule_slot *m, uint64_t now_ns)
{
	return m->lost_ns && now_ns < m->lost_ns + WATCH_NS;
}

static bool is_full_rate(const struct schedule *s, const struct schedule_slot *m, uint64_t now_ns)
{
	return (s->alarm_ns && now_ns - s->alarm_ns < alarm_rates[0].until_ns) ||
		is_watched(m, now_ns);
}

static uint64_t period(const struct schedule *s, const struct schedule_slot *m, uint64_t now_ns)
{
	unsigned i = 0;

	if (is_full_rate(s, m, now_ns))
		return pace_wait_ns(PACE_ROLE_ALARM, 1, 0);
	if (!s->alarm_ns) {
		bool watched = s->steady == PACE_ROLE && s->writer < SCHEDULE_SLOTS &&
			m == &s->slots[s->writer];

		return pace_wait_ns((enum pace_kind)(watched ? s->watch : s->steady), 1, 0);
	}
	while (now_ns - s->alarm_ns >= alarm_rates[i].until_ns)
		i++;
	return pace_wait_ns(alarm_rates[i].pace, 1, 0);
}

void schedule_add(struct schedule *s, unsigned slot, uint64_t now_ns)
{
	s->slots[slot] = (struct schedule_slot){.used = true, .next_ns = now_ns};
}

void schedule_remove(struct schedule *s, unsigned slot)
{
	s->slots[slot].used = false;
	if (s->writer == slot)
		s->writer = PEL_NONE;
}

void schedule_set_writer(struct schedule *s, unsigned slot, enum pace_kind pace)
{
	s->writer = (uint8_t)slot;
	s->watch = (uint8_t)pace;
}

void schedule_retry(struct schedule *s, unsigned slot, uint64_t now_ns)
{
	struct schedule_slot *m = &s->slots[slot];

	if (!m->used || m->connected || m->attempts == 0)
		return;
	m->attempts = 1;
	m->next_ns = max_ns(now_ns, m->asked_ns + pace_wait_ns(PACE_DIAL, 1, 0));
}

/* Everybody may be asked at once, but for the alarm's own pace; attempts start over. */
static void hurry(struct schedule *s, uint64_t now_ns)
{
	for (unsigned i = 0; i < SCHEDULE_SLOTS; i++) {
		struct schedule_slot *m = &s->slots[i];

		if (m->connected)
			m->next_ns = max_ns(now_ns, m->asked_ns + period(s, m, now_ns));
		else
			schedule_retry(s, i, now_ns);
	}
}

void schedule_set_alarm(struct schedule *s, bool alarm, uint64_t now_ns)
{
	if (alarm == (s->alarm_ns != 0))
		return;
	s->alarm_ns = alarm ? now_ns : 0;
	if (alarm)
		hurry(s, now_ns);
	for (unsigned i = 0; !alarm && i < SCHEDULE_SLOTS; i++) {
		struct schedule_slot *m = &s->slots[i];

		if (m->connected)
			m->next_ns = m->asked_ns + period(s, m, now_ns);
	}
}

void schedule_set_steady(struct schedule *s, enum pace_kind pace, uint64_t now_ns)
{
	s->steady = (uint8_t)pace;
	for (unsigned i = 0; !s->alarm_ns && i < SCHEDULE_SLOTS; i++) {
		if (s->slots[i].connected)
			s->slots[i].next_ns =
				s->slots[i].asked_ns + period(s, &s->slots[i], now_ns);
	}
}

void schedule_refresh(struct schedule *s)
{
	for (unsigned i = 0; i < SCHEDULE_SLOTS; i++)
		s->slots[i].round = s->slots[i].used && s->slots[i].connected;
}

static bool is_round_open(const struct schedule *s)
{
	for (unsigned i = 0; i < SCHEDULE_SLOTS; i++) {
		if (s->slots[i].used && s->slots[i].round)
			return true;
	}
	return false;
}

bool schedule_hint(struct schedule *s, uint64_t now_ns)
{
	if (s->alarm_ns || now_ns < s->hint_ns || is_round_open(s))
		return false;
	s->hinted_ns = now_ns;
	s->hint_ns = now_ns + HINT_MIN_NS;
	schedule_refresh(s);
	return true;
}

void schedule_confirmed(struct schedule *s, uint64_t now_ns)
{
	if (!s->hinted_ns || s->writer == PEL_NONE || s->slots[s->writer].round ||
		s->slots[s->writer].asked_ns < s->hinted_ns)
		return;
	s->hinted_ns = 0;
	s->hint_ns = now_ns + HINT_NS;
}

void schedule_answered(struct schedule *s, unsigned slot, uint64_t now_ns)
{
	struct schedule_slot *m = &s->slots[slot];

	m->busy = false;
	m->next_ns = max_ns(now_ns, m->asked_ns + period(s, m, now_ns));
}

void schedule_connected(struct schedule *s, unsigned slot, uint64_t now_ns)
{
	struct schedule_slot *m = &s->slots[slot];

	m->busy = false;
	m->connected = true;
	m->attempts = 0;
	m->next_ns = now_ns;
}

void schedule_lost(struct schedule *s, unsigned slot, uint64_t now_ns)
{
	struct schedule_slot *m = &s->slots[slot];
	enum pace_kind pace = is_full_rate(s, m, now_ns) ? PACE_DIAL_ALARM : PACE_DIAL;

	m->busy = m->round = false;
	if (m->connected) {
		m->next_ns =
			max_ns(now_ns, m->lost_ns ? m->lost_ns + pace_wait_ns(PACE_DIAL, 1, 0) : 0);
		m->lost_ns = now_ns;
	} else
		m->next_ns = max_ns(now_ns,
			m->asked_ns + pace_wait_ns(pace, m->attempts, next_random(s)));
	m->connected = false;
}

void schedule_rest(struct schedule *s, unsigned slot, uint64_t until_ns)
{
	struct schedule_slot *m = &s->slots[slot];

	m->busy = false;
	m->next_ns = max_ns(until_ns, m->asked_ns + pace_wait_ns(PACE_DIAL, 1, 0));
}

void schedule_refused(struct schedule *s, unsigned slot, uint64_t now_ns)
{
	struct schedule_slot *m = &s->slots[slot];
	bool soon = !m->connected && is_full_rate(s, m, now_ns);

	schedule_lost(s, slot, now_ns);
	if (soon)
		m->next_ns = max_ns(now_ns, m->asked_ns + pace_wait_ns(PACE_DIAL_REFUSED, 1, 0));
}

static bool is_due(const struct schedule_slot *m, uint64_t now_ns)
{
	if (!m->used || m->busy)
		return false;
	return now_ns >= m->next_ns || (m->connected && m->round);
}

/* The instance that got the table longest ago gets the next turn; who owes an answer has none. */
static bool is_its_turn(const struct schedule *s, unsigned slot)
{
	for (unsigned i = 0; i < SCHEDULE_SLOTS; i++) {
		const struct schedule_slot *m = &s->slots[i];

		if (i != slot && i != s->writer && m->used && m->connected && !m->busy &&
			m->table_ns < s->slots[slot].table_ns)
			return false;
	}
	return true;
}

static enum schedule_kind choose_kind(struct schedule *s, unsigned slot, uint64_t now_ns)
{
	const struct schedule_slot *m = &s->slots[slot];

	if (!m->connected)
		return SCHEDULE_CONNECT;
	if (s->alarm_ns)
		return now_ns >= s->table_ns + pace_wait_ns(PACE_TABLE_ALARM, 1, 0) &&
				is_its_turn(s, slot)
			? SCHEDULE_TABLE
			: SCHEDULE_ROLE;
	if (m->round)
		return SCHEDULE_ROLE;
	if (slot == s->writer)
		return now_ns >= m->table_ns + pace_wait_ns(PACE_TABLE, 1, 0) ? SCHEDULE_TABLE
									      : SCHEDULE_ROLE;
	if (now_ns >= s->turn_ns && is_its_turn(s, slot)) {
		s->turn_ns = now_ns + pace_wait_ns(PACE_TABLE, 1, 0);
		return SCHEDULE_TABLE;
	}
	return SCHEDULE_ROLE;
}

static void begin(struct schedule *s, unsigned slot, enum schedule_kind kind, uint64_t now_ns)
{
	struct schedule_slot *m = &s->slots[slot];

	m->busy = true;
	m->asked_ns = now_ns;
	if (kind == SCHEDULE_CONNECT && m->attempts < UINT8_MAX)
		m->attempts++;
	if (kind == SCHEDULE_TABLE)
		s->table_ns = m->table_ns = now_ns;
	m->round = false;
}

bool schedule_next(struct schedule *s, uint64_t now_ns, struct schedule_action *ret)
{
	for (unsigned i = 0; i < SCHEDULE_SLOTS; i++) {
		if (!is_due(&s->slots[i], now_ns))
			continue;
		*ret = (struct schedule_action){.slot = (uint8_t)i,
			.kind = (uint8_t)choose_kind(s, i, now_ns)};
		begin(s, i, ret->kind, now_ns);
		return true;
	}
	return false;
}

uint64_t schedule_deadline(const struct schedule *s, uint64_t now_ns)
{
	uint64_t deadline = UINT64_MAX;

	for (unsigned i = 0; i < SCHEDULE_SLOTS; i++) {
		const struct schedule_slot *m = &s->slots[i];
		uint64_t at = m->connected && m->round ? now_ns : m->next_ns;

		if (m->used && !m->busy && at < deadline)
			deadline = at;
	}
	return deadline;
}
