/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which readers may take connections: lag with hysteresis, and admission.  Whose replication was
 * stopped lags whatever max-lag is.
 *
 * An instance that appears after the cluster was known is `new`: it is admitted once it has been
 * fit (answering, a reader, routable, its lag below admit-max-lag) for admit-stable without a
 * break, and, where a warm-up is configured, once that says so.  `held` is a new one whose lag is
 * too high, or one that was held by hand.  If there is no admitted reader that could serve, the fit
 * ones are admitted at once: a cold reader is better than the writer.
 *
 * Who is the writer needs no admission, and keeps it when it is demoted: its cache is warm.
 */
#include "state.h"

static void update_lagged(struct topology_member *m, uint32_t max_lag_ms)
{
	if (m->stopped)
		m->lagged = true;
	else if (max_lag_ms == 0)
		m->lagged = false;
	else if (m->lag_ms == PEL_LAG_UNKNOWN)
		return;
	else if (m->lag_ms > max_lag_ms)
		m->lagged = true;
	else if (m->lag_ms < max_lag_ms - max_lag_ms / 4)
		m->lagged = false;
}

static bool is_serving(const struct topology_member *m)
{
	return m->used && m->role == PEL_ROLE_READER && m->routable &&
		m->health != PEL_HEALTH_STALLED && m->health != PEL_HEALTH_UNREACHABLE;
}

static bool is_lag_admissible(const struct topology *t, const struct topology_member *m)
{
	uint32_t max = t->config.admit_max_lag_ms;

	return max == 0 || (m->lag_ms != PEL_LAG_UNKNOWN && m->lag_ms <= max);
}

static bool is_stable(struct topology *t, struct topology_member *m, uint64_t now_ns)
{
	bool fit = m->live && is_serving(m) && m->health != PEL_HEALTH_SUSPECT &&
		is_lag_admissible(t, m);

	if (!fit)
		m->fit_ns = 0;
	else if (!m->fit_ns)
		m->fit_ns = now_ns;
	return fit &&
		!topology_within(t, m->fit_ns, (uint64_t)t->config.admit_stable_ms * 1000000,
			now_ns);
}

static void update_admission(struct topology *t, struct topology_member *m, uint64_t now_ns)
{
	bool stable;

	if (m->admission == PEL_ADMITTED || m->admission_forced)
		return;
	stable = is_stable(t, m, now_ns);
	if (t->config.admit_stable_ms == 0 || m->role == PEL_ROLE_WRITER)
		m->admission = PEL_ADMITTED;
	else if (m->admission == PEL_ADMIT_WARMING || m->unwarmed)
		return;
	else if (stable && (m->warmed || !t->config.warm_up))
		m->admission = PEL_ADMITTED;
	else
		m->admission =
			is_serving(m) && !is_lag_admissible(t, m) ? PEL_ADMIT_HELD : PEL_ADMIT_NEW;
}

/* An admitted one that is still to be met: it may serve in a moment. */
static bool is_awaited(const struct topology_member *m)
{
	return m->used && !m->met && m->role != PEL_ROLE_WRITER &&
		m->health != PEL_HEALTH_UNREACHABLE;
}

/* With no admitted reader that could serve, the others are admitted as they are. */
static void admit_the_last(struct topology *t, uint64_t now_ns)
{
	bool young = topology_within(t, t->started_ns, TOPOLOGY_ANSWER_NS, now_ns);

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		if (topology_admission(t, m) == PEL_ADMITTED &&
			(is_serving(m) || (young && is_awaited(m))))
			return;
	}
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (is_serving(&t->members[i]) && !t->members[i].admission_forced)
			t->members[i].admission = PEL_ADMITTED;
	}
}

void topology_admit(struct topology *t, uint64_t now_ns)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		struct topology_member *m = &t->members[i];

		if (!m->used)
			continue;
		update_lagged(m, t->config.max_lag_ms);
		update_admission(t, m, now_ns);
	}
	if (!t->config.admit_never_last)
		admit_the_last(t, now_ns);
}

bool topology_wants_warm(const struct topology *t, unsigned slot)
{
	const struct topology_member *m = topology_member(t, slot);
	uint64_t stable_ns = (uint64_t)t->config.admit_stable_ms * 1000000;

	return m && t->config.warm_up && !m->warmed && topology_admission(t, m) == PEL_ADMIT_NEW &&
		!m->admission_forced && m->fit_ns && m->evidence_ns >= m->fit_ns + stable_ns;
}
