/* SPDX-License-Identifier: Apache-2.0 */
/* A program that is linked with the library. */
#include <pelorus.h>

#include <stdio.h>

int main(void)
{
	return puts(pelorus_version()) < 0;
}
