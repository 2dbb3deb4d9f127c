/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <pelorus/map.h>
#include <pelorus/slots.h>

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
		[PEL_WHY_IDLE] = "idle",
		[PEL_WHY_UNFIT] = "login-unfit",
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

const char *pel_word_of_admission(unsigned admission)
{
	static const char *const words[] = {
		[PEL_ADMITTED] = "admitted",
		[PEL_ADMIT_NEW] = "new",
		[PEL_ADMIT_WARMING] = "warming",
		[PEL_ADMIT_HELD] = "held",
	};

	return WORD_OF(words, admission);
}

const char *pel_word_of_mode(unsigned mode)
{
	static const char *const words[] = {
		[PEL_MODE_ACTIVE] = "active",
		[PEL_MODE_OBSERVE] = "observe",
		[PEL_MODE_OFF] = "off",
	};

	return WORD_OF(words, mode);
}

const char *pel_sentence_of_why(unsigned why)
{
	static const char *const sentences[] = {
		[PEL_WHY_NONE] = "no reason was told",
		[PEL_WHY_STARTING] = "no instance has answered yet",
		[PEL_WHY_NO_CREDENTIALS] = "there are no credentials to log in with",
		[PEL_WHY_DENIED] = "every credential was refused",
		[PEL_WHY_NO_ANSWER] = "no instance can be reached, or none answers",
		[PEL_WHY_NOT_A_CLUSTER] = "the server has no topology to tell",
		[PEL_WHY_NO_WRITER] =
			"there has been no writer for longer than connects wait for one",
		[PEL_WHY_DISPUTED] = "two instances say that they are the writer",
		[PEL_WHY_UNROUTABLE] = "the instances cannot be reached directly from here",
		[PEL_WHY_IDLE] = "no program uses it, so that it is left in peace",
		[PEL_WHY_UNFIT] =
			"no server is fit to be logged in to: its certificate, its plugin",
	};

	return why < sizeof(sentences) / sizeof(*sentences)
		? sentences[why]
		: "for a reason unknown to this version";
}

/* In the enumeration's order; for the library no list of addresses, which a loader would have to mend. */
const char *pel_word_of_severed(unsigned why)
{
	const char *word = "unreachable\0"
			   "says-reader\0"
			   "not-writer\0"
			   "made-wrong\0"
			   "gone\0"
			   "dns-moved\0"
			   "promoted\0"
			   "replaced\0"
			   "drill\0";

	for (; why > 0; why--)
		word += __builtin_strlen(word) + 1;
	return word;
}
