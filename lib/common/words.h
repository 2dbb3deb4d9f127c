/* SPDX-License-Identifier: Apache-2.0 */
/* The words for what a map says, which never change: in reports, events, metrics and files. */
#ifndef PELORUS_LIB_COMMON_WORDS_H
#define PELORUS_LIB_COMMON_WORDS_H

/* Never NULL: "?" for what this release does not know. */
const char *pel_word_of_state(unsigned state);         /* enum pel_state: "known" */
const char *pel_word_of_why(unsigned why);             /* enum pel_why: "no-credentials"; or "" */
const char *pel_word_of_role(unsigned role);           /* enum pel_role: "writer" */
const char *pel_word_of_health(unsigned health);       /* enum pel_health: "ok" */
const char *pel_word_of_admission(unsigned admission); /* enum pel_admission: "held" */

const char *pel_word_of_mode(unsigned mode);   /* enum pel_mode: "observe" */
const char *pel_word_of_severed(unsigned why); /* enum pel_severed, no other: "not-writer" */

/* enum pel_why as a person is told it. */
const char *pel_sentence_of_why(unsigned why);

#endif
