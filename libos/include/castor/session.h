/*
 * castor/session.h - Linux processes, started by a native program.
 *
 * A session is a commons whose process 1 the caller is (commons_client.h), and
 * Castor's image (text.h).
 */
#ifndef CASTOR_SESSION_H
#define CASTOR_SESSION_H

#include <castor/commons_client.h>

struct session {
	struct commons commons;
	struct proc server;
	uint64_t signals;		/* that end session_wait: signal n is
					 * bit n - 1; none unless set */
};

#define SESSION_SIGNAL	1000000l	/* see session_wait */

/* Begin one.  0, or an error of the kernel's with nothing left of it. */
long session_start(struct session *s) MUST_USE;

/* The size of its terminal, which nobody can ask a serial line for. */
void session_window(struct session *s, uint16_t rows, uint16_t columns);

/* Run the program at a path of the session's files: its pid, or -errno (-EIO
 * for errors of the kernel's). */
long session_run(struct session *s, const char *path, uint32_t argc,
    const char *const *argv, uint32_t envc, const char *const *envp) MUST_USE;

/* Wait until process pid has ended, and meanwhile see to those that came to
 * process 1: its status, as wait4 has it, or -errno.  SESSION_SIGNAL + n: a
 * process has sent me signal n, one of s->signals. */
long session_wait(struct session *s, uint32_t pid) MUST_USE;

/* All its processes end, and the commons; the console is the caller's again. */
void session_end(struct session *s);

#endif
