/* fails.h - a call that is refused, and says why. */
#ifndef LINUX_FAILS_H
#define LINUX_FAILS_H

#include <errno.h>

#define FAILS(expr, error)						      \
	do {								      \
		errno = 0;						      \
		EQ((expr), -1);						      \
		EQ(errno, error);					      \
	} while (0)

#endif
