/*
 * procs.c - which Linux process an account is: pid and name out of
 * /proc/PID/status.  Other programs, and other sessions', have none there.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

#define PROCS	512u

bool procs_on = true;

static struct {
	uint32_t account;
	char name[28];
} procs[PROCS];
static uint32_t nprocs;

/* "sh" of "/bin/sh -c ...": shells run their own commands as /proc/self/exe,
 * of which the name that the kernel knows says nothing. */
static void
command_take(const char *pid, char *name, size_t size)
{
	char path[64], words[128];
	const char *slash;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.16s/cmdline", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return;
	n = fread(words, 1, sizeof(words) - 1, f);
	fclose(f);
	words[n] = '\0';
	slash = strrchr(words, '/');
	if (words[0] != '\0')
		snprintf(name, size, "%.30s", slash != NULL ? slash + 1 :
		    words);
}

static void
proc_take(const char *pid)
{
	char path[64], line[128], name[32] = "";
	unsigned account;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.16s/status", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return;			/* it has ended */
	while (nprocs < PROCS && fgets(line, sizeof(line), f) != NULL) {
		(void)sscanf(line, "Name: %31[^\n]", name);
		if (sscanf(line, "Account: %u", &account) != 1)
			continue;
		command_take(pid, name, sizeof(name));
		procs[nprocs].account = account;
		snprintf(procs[nprocs].name, sizeof(procs[nprocs].name),
		    "%.7s %.19s", pid, name);
		nprocs++;
	}
	fclose(f);
}

void
procs_take(void)
{
	DIR *d = procs_on ? opendir("/proc") : NULL;
	const struct dirent *e;

	nprocs = 0;
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			proc_take(e->d_name);
	}
	closedir(d);
}

const char *
proc_of_acct(uint32_t account)
{
	for (uint32_t i = 0; i < nprocs; i++) {
		if (procs[i].account == account)
			return procs[i].name;
	}
	return "";
}
