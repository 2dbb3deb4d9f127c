/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of pelorus.conf as data: what each is called, where it is stored, what it accepts. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "config.h"

enum config_section {
	CONFIG_IN_PELORUS = 1, /* a field of struct config */
	CONFIG_IN_CLUSTER = 2, /* a field of struct config_cluster, in [cluster NAME] only */
	CONFIG_IN_BOTH = 3,    /* the same, and in [pelorus] the default for all clusters */
};

struct config_key;

/* How a value is read and shown.  `read` returns false for what the key does not accept. */
struct config_type {
	bool (*read)(const struct config_key *key, const char *value, void *ret_field);
	void (*show)(const struct config_key *key, const void *field, char *ret, size_t size);
};

struct config_key {
	enum config_section section;
	size_t offset, size;
	const char *name;
	const struct config_type *type;
	const char *expected;     /* completes "expected ..." */
	const char *const *words; /* of an enumeration, in the order of its values, then NULL */
	uint32_t min, max;        /* of a number or a duration in ms */
	const char *standard;     /* the default, as one would write it; NULL: zero bytes */
};

extern const struct config_key config_keys[];
extern const unsigned config_n_keys;

extern const struct config_type config_type_bool;
extern const struct config_type config_type_duration;
extern const struct config_type config_type_host;
extern const struct config_type config_type_listen;
extern const struct config_type config_type_members;
extern const struct config_type config_type_net;
extern const struct config_type config_type_number;
extern const struct config_type config_type_path;
extern const struct config_type config_type_pattern;
extern const struct config_type config_type_regions;
extern const struct config_type config_type_secret;
extern const struct config_type config_type_source_url;
extern const struct config_type config_type_text;
extern const struct config_type config_type_secret_url;
extern const struct config_type config_type_url;
extern const struct config_type config_type_warm_up;
extern const struct config_type config_type_word;

/* A key by name in a section (one bit of enum config_section); NULL if there is none. */
const struct config_key *config_key_find(enum config_section section, const char *name);

/* The key of that section whose name is most like the word; NULL if none is near. */
const struct config_key *config_key_guess(enum config_section section, const char *word);

#endif
