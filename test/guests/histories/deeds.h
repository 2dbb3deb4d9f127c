/* SPDX-License-Identifier: Apache-2.0 */
/* What a program does by chance, each deed noted in the model. */
#ifndef HISTORIES_DEEDS_H
#define HISTORIES_DEEDS_H

#include "model.h"

#define DEEDS_PATIENCE_MS 5000

extern struct model model;

void deeds_begin(uint64_t seed);
void deeds_do(void);
uint64_t deeds_next(void);

/* A pause in which the prober lives on. */
void deeds_pause(unsigned us);
long deeds_now_ms(void);

/* Compares one number with the model. */
void deeds_check(int fd);

/* Tells what is wrong with a number, and the last deeds; ends the program. */
__attribute__((noreturn)) void deeds_wrong(int fd, const char *what);

#endif
