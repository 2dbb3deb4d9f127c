/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <pelorus/map.h>

#define WORD_OF(words, i) ((i) < sizeof(words) / sizeof(*(words)) ? (words)[i] : "?")

const char *pel_word_of_state(unsigned state)
{
	static const char *const words[] = {
		[PEL_STATE_FREE] = "free",
		[PEL_STATE_UNKNOWN] = "unknown",
		[PEL_STATE_KNOWN] = "known",
		[PEL_STATE_WRITERLESS] = "writerless",
	};

	return WORD_OF(words, state);
}

const char *pel_word_of_why(unsigned why)
{
	static const char *const words[] = {
		[PEL_WHY_NONE] = "",
		[PEL_WHY_STARTING] = "starting",
		[PEL_WHY_NO_CREDENTIALS] = "no-credentials",
		[PEL_WHY_DENIED] = "denied",
		[PEL_WHY_NO_ANSWER] = "no-answer",
		[PEL_WHY_NOT_A_CLUSTER] = "not-a-cluster",
		[PEL_WHY_NO_WRITER] = "no-writer",
		[PEL_WHY_DISPUTED] = "disputed",
		[PEL_WHY_UNROUTABLE] = "unroutable",
	};

	return WORD_OF(words, why);
}

const char *pel_word_of_role(unsigned role)
{
	static const char *const words[] = {
		[PEL_ROLE_UNKNOWN] = "unknown",
		[PEL_ROLE_READER] = "reader",
		[PEL_ROLE_WRITER] = "writer",
		[PEL_ROLE_CUSTOM] = "custom",
	};

	return WORD_OF(words, role);
}

const char *pel_word_of_health(unsigned health)
{
	static const char *const words[] = {
		[PEL_HEALTH_UNKNOWN] = "unknown",
		[PEL_HEALTH_OK] = "ok",
		[PEL_HEALTH_SUSPECT] = "suspect",
		[PEL_HEALTH_STALLED] = "stalled",
		[PEL_HEALTH_UNREACHABLE] = "unreachable",
	};

	return WORD_OF(words, health);
}
