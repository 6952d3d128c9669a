// SPDX-License-Identifier: GPL-2.0
/*
 * Runs test programs on one implementation, IMPL ("c" or "rust"): loads the
 * module when needed, makes sure that the right one serves, and joins the
 * programs' KTAP into one list of results, each named "c: …" or "rust: …".
 * With "mount", the module is loaded with sharing=mount. With "old", the module
 * serves, but all mounts are C's, from before it came.
 *
 *	run_rust [program [harness options …]]
 */
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "contexts.h"
#include "kselftest.h"
#include "bpffs.h"

static const bool old = sizeof(IMPL) == sizeof("old");
static const bool apart = sizeof(IMPL) == sizeof("mount");
static const bool rust = sizeof(IMPL) != sizeof("c");
/* More than all programs together mount. */
#define CONTEXTS_CNT 2000
#define CONTAINERS_CNT 40
static volatile sig_atomic_t stopped;
static volatile pid_t child;
static struct guard *guard;

static void stop(int sig)
{
	stopped = sig;
	if (child > 0)
		kill(child, SIGKILL);
}

static __printf(2, 3) void result(bool ok, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ksft_test_result(ok, IMPL ": %s\n", text);
}

static bool said_by_results(const char *line)
{
	static const char * const said[] = {
		"TAP version", "RUN ", "OK ", "FAIL ", "Totals:", "Starting ",
		"PASSED:", "FAILED:",
	};
	unsigned int i;

	line += strspn(line, "# ");
	for (i = 0; i < ARRAY_SIZE(said); i++) {
		if (!strncmp(line, said[i], strlen(said[i])))
			return true;
	}
	return false;
}

/* What a program has printed. */
struct results {
	unsigned int plan, seen, failed;
};

/* One line of a program's output. */
static void forward(char *line, struct results *results)
{
	bool ok = !strncmp(line, "ok ", 3);
	unsigned int n;
	int skip = 0;

	line[strcspn(line, "\n")] = '\0';
	if (ok || !strncmp(line, "not ok ", 7)) {
		sscanf(line, ok ? "ok %*u %n" : "not ok %*u %n", &skip);
		results->seen++;
		results->failed += !ok;
		/* A test that was not run has shown nothing. */
		result(ok && !strstr(line, "# SKIP"), "%s", line + skip);
	} else if (sscanf(line, "1..%u", &n) == 1) {
		results->plan = n;
	} else if (!said_by_results(line)) {
		printf("%s%s\n", line[0] == '#' ? "" : "# ", line);
	}
}

static bool serves(void)
{
	bool ours = impl_rust(), join = mounts_join();

	if (ours == rust && join == (rust && !apart))
		return true;
	result(false, "implementation # %s serves, and mounts %s", ours ? "ours" : "C's",
	       join ? "join" : "do not join");
	return false;
}

/*
 * Pass on what the program prints until it ends; returns its status. A test
 * that was killed may have left processes, which hold the pipe and its mounts:
 * they end with the program.
 */
static int follow(int out, struct results *results)
{
	struct pollfd fds[] = {
		{ .fd = out, .events = POLLIN },
		{ .fd = syscall(SYS_pidfd_open, child, 0), .events = POLLIN },
	};
	FILE *in = fdopen(out, "r");
	char *line = NULL;
	size_t size = 0;
	int status = -1;

	if (!in || fds[1].fd < 0)
		ksft_exit_fail_perror("cannot follow a test program");
	/* Unbuffered, or poll() would not know of lines that were read ahead. */
	setvbuf(in, NULL, _IONBF, 0);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			status = wait_child(child);
			child = 0;
			end_children();
			close(fds[1].fd);
			fds[1].fd = -1;
		}
		if (fds[0].revents) {
			if (getline(&line, &size, in) <= 0)
				break;
			forward(line, results);
		}
	}
	if (child) {
		status = wait_child(child);
		child = 0;
		end_children();
		close(fds[1].fd);
	}
	fclose(in);
	free(line);
	return status;
}

static void run(const char *dir, char **argv)
{
	struct results results = {};
	char path[PATH_MAX];
	uint64_t start = now_ms();
	int out[2], status;

	if (!serves())
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, argv[0]);
	if (pipe2(out, O_CLOEXEC))
		ksft_exit_fail_perror("no pipe");
	guard_note(guard);
	child = fork();
	if (!child) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execv(path, argv);
		fprintf(stderr, "cannot run %s: %s\n", path, strerror(errno));
		_exit(127);
	}
	close(out[1]);
	status = follow(out[0], &results);
	/* A program that dies, stops early or fails for what is no test fails, whatever it printed. */
	if (status < 0 || status > 1 || (status && !results.failed) || !results.plan ||
	    results.seen != results.plan)
		result(false, "%s # ended with %s %d after %u of %u tests", argv[0],
		       status < 0 ? "signal" : "status", abs(status), results.seen, results.plan);
	/* Also lets what goes late be gone before the next program looks. */
	if (guard_leaks(guard))
		result(false, "%s # left something behind", argv[0]);
	printf("# %s: %u tests in %.1f s\n", argv[0], results.seen, (now_ms() - start) / 1000.0);
	serves();
}

static bool load(void)
{
	int err = module_load(apart ? "sharing=mount" : NULL);

	if (err)
		result(false, "load # %s: %s", getenv("BPFFS_MODULE") ?: "modprobe " MODULE_NAME
		       " (set BPFFS_MODULE to the path of bpffs.ko)", strerror(-err));
	else
		result(impl_rust(), "load");
	return !err;
}

static void run_all(const char *dir, const char *programs)
{
	char *names = strdup(programs), *name;

	for (name = strtok(names, " "); name && !stopped; name = strtok(NULL, " "))
		run(dir, (char *[]){ name, NULL });
	free(names);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = stop };
	bool loaded = false;
	char self[PATH_MAX], *dir;
	ssize_t len;

	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		ksft_exit_fail_perror("/proc/self/exe");
	self[len] = '\0';
	dir = dirname(self);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);

	ksft_print_header();
	if (geteuid())
		ksft_exit_fail_msg("needs root\n");
	mounts_ask_for_nothing();
	guard = guard_new();
	if (!guard)
		ksft_exit_fail_msg("cannot watch the kernel log\n");
	if (old) {
		int err = impl_rust() ? -EBUSY : contexts_open(CONTEXTS_CNT, CONTAINERS_CNT);

		if (err)
			ksft_exit_fail_msg("no contexts of C's: %s\n", strerror(-err));
	}
	if (rust && !impl_rust()) {
		loaded = load();
		if (!loaded)
			goto out;
	} else if (!rust && impl_rust()) {
		ksft_exit_fail_msg("the module " MODULE_NAME " is loaded and hides C's implementation: unload it first\n");
	}

	if (argc > 1) {
		run(dir, argv + 1);
	} else {
		/* What the debugging kernel is to find is ours; C's takes as long again. */
		if (rust || !getenv("BPFFS_DEBUG") || getenv("BPFFS_ALL"))
			run_all(dir, TESTS);
		run_all(dir, getenv("BPFFS_DEBUG") ? DEBUG_TESTS : STOCK_TESTS);
	}
	if (old)
		contexts_close();
	if (loaded) {
		int err = module_unload();

		/* Fails when a test has left a superblock or an open file. */
		result(!err, "unload%s%s", err ? " # " : "", err ? strerror(-err) : "");
	}
out:
	/* Whatever came between the tests, loading and unloading included. */
	result(!guard_log(guard), "no fault in the kernel log");
	ksft_plan = ksft_test_num();
	printf("1..%u\n", ksft_plan);
	if (stopped)
		ksft_exit_fail_msg("stopped by signal %d\n", stopped);
	ksft_finished();
}
