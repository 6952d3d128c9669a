// SPDX-License-Identifier: GPL-2.0
/*
 * Real clients on both implementations, in one kernel: every scenario (a file
 * of commands, see lib.sh) runs on C's, then the module is loaded, then every
 * scenario runs again; and once more on instances of C's from before that, unless
 * it mounts by itself. What it prints must be the same, after normalise().
 * Scenarios that use what C has not run on ours only, and assert all by themselves.
 * No expectation is recorded; facts without which a scenario would mean nothing
 * are asserted by itself, so that two equal failures do not pass.
 *
 *	clients [-v] [scenario ...]
 *	clients --normalise
 *	clients --mount DIR	(for lib.sh)
 *
 * Catches: whatever makes a client behave otherwise, or say something else.
 */
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "contexts.h"
#include "kselftest.h"
#include "normalise.h"
#include "bpffs.h"

/* Seconds for one scenario on one implementation, also on a debugging kernel and a slow machine. */
#define LIMIT 3000

/* OLD: instances of C's while ours serves, as systemd's is on a machine that runs. */
enum { C, RUST, OLD, IMPLS };
static const char * const impls[IMPLS] = { "c", "rust", "old" };
/* More than all scenarios together mount. */
#define CONTEXTS_CNT 40
#define CONTAINERS_CNT 10

struct scenario {
	const char *name;
	struct {
		char *output;
		bool ok;
	} run[IMPLS];
};

static struct scenario scenarios[64];
static unsigned int scenarios_cnt;
static char self[PATH_MAX], *dir;
static struct guard *guard;
static bool verbose;

static void exec_scenario(const char *name, int impl, int out)
{
	const char *contexts = getenv(CONTEXTS), *containers = getenv(CONTAINERS);
	char path[PATH_MAX + 64];
	cpu_set_t cpu = {};

	snprintf(path, sizeof(path), "%s/%s.scenario", dir, name);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	alarm(LIMIT);
	/* Inode numbers grow on one CPU: some clients sort by them. */
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	/* All that is to stay of the environment: which of the files are the sockets. */
	contexts = contexts ? strdup(contexts) : NULL;
	containers = containers ? strdup(containers) : NULL;
	clearenv();
	if (impl == OLD) {
		setenv(CONTEXTS, contexts, 1);
		setenv(CONTAINERS, containers, 1);
	}
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("TZ", "UTC", 1);
	setenv("HOME", "/root", 1);
	setenv("HERE", dir, 1);
	execlp("bash", "bash", path, NULL);
	_exit(127);
}

/* All that was written to a file without a name; to be freed. */
static char *contents(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, size + 1);

	if (!text || pread(fd, text, size, 0) != size)
		ksft_exit_fail_perror("cannot read a scenario's output");
	return text;
}

static void print_lines(const char *text)
{
	while (*text) {
		size_t end = strcspn(text, "\n");

		printf("#   %.*s\n", (int)end, text);
		text += end + (text[end] == '\n');
	}
}

/* How many contexts of C's have not been used; each is a byte in the socket. */
static int contexts_left(void)
{
	int left = 0;

	return getenv(CONTEXTS) && !ioctl(atoi(getenv(CONTEXTS)), FIONREAD, &left) ? left : 0;
}

static void run(struct scenario *scenario, int impl)
{
	int out = memfd_create("output", MFD_CLOEXEC), status, err, left = contexts_left();
	uint64_t start = now_ms();
	char *text;
	pid_t pid;

	if (out < 0)
		ksft_exit_fail_perror("memfd_create");
	err = guard_enter(guard);
	if (err)
		ksft_exit_fail_msg("cannot set a scenario up: %s\n", strerror(-err));
	fflush(stdout);
	pid = fork();
	if (!pid)
		exec_scenario(scenario->name, impl, out);
	status = wait_child(pid);
	text = contents(out);
	close(out);
	scenario->run[impl].ok = !status;
	if (status)
		printf("# %s on %s: ended with %s %d, having said:\n", scenario->name, impls[impl],
		       status < 0 ? "signal" : "status", abs(status));
	if (status || verbose)
		print_lines(text);
	if (impl == OLD && contexts_left() == left) {
		printf("# %s: has not mounted an instance of C's: if it mounts by itself, MOUNT_THEMSELVES must have it\n",
		       scenario->name);
		scenario->run[impl].ok = false;
	}
	if (guard_leave(guard))
		scenario->run[impl].ok = false;
	scenario->run[impl].output = normalise(text);
	free(text);
	printf("# %s on %s: %.1f s\n", scenario->name, impls[impl], (now_ms() - start) / 1000.0);
}

static bool is_among(const char *const *names, const char *name)
{
	while (*names && strcmp(*names, name))
		names++;
	return *names;
}

static bool is_only_ours(const char *name)
{
	static const char *const names[] = { ONLY_OURS NULL };

	return is_among(names, name);
}

static bool runs_on(const char *name, int impl)
{
	static const char *const mount_themselves[] = { MOUNT_THEMSELVES NULL };

	if (is_only_ours(name))
		return impl == RUST;
	return impl != OLD || !is_among(mount_themselves, name);
}

static void run_all(int impl)
{
	unsigned int i;

	for (i = 0; i < scenarios_cnt; i++) {
		if (runs_on(scenarios[i].name, impl))
			run(&scenarios[i], impl);
	}
}

static unsigned int lines(const char *text, const char *begin)
{
	unsigned int n = 0;

	for (; *text; text += strcspn(text, "\n") + 1)
		n += !strncmp(text, begin, strlen(begin));
	return n;
}

/* Shows where the outputs differ, as diff(1) does. */
static void print_diff(const struct scenario *scenario, int impl)
{
	const int which[2] = { C, impl };
	char path[2][64], line[4096];
	int fd[2], i;
	char command[256];
	FILE *diff;

	for (i = 0; i < 2; i++) {
		const char *text = scenario->run[which[i]].output;

		fd[i] = memfd_create("output", 0);
		if (fd[i] < 0 || write(fd[i], text, strlen(text)) != (ssize_t)strlen(text))
			ksft_exit_fail_perror("cannot write what is to be shown");
		snprintf(path[i], sizeof(path[i]), "/proc/self/fd/%d", fd[i]);
	}
	snprintf(command, sizeof(command), "diff -U8 --label c --label %s %s %s", impls[impl],
		 path[0], path[1]);
	diff = popen(command, "re");
	while (diff && fgets(line, sizeof(line), diff))
		printf("#   %s", line);
	if (diff)
		pclose(diff);
	close(fd[0]);
	close(fd[1]);
}

static bool same_as_c(const struct scenario *scenario, int impl)
{
	bool same = !strcmp(scenario->run[C].output, scenario->run[impl].output);

	if (!same)
		print_diff(scenario, impl);
	return same;
}

static unsigned int judge(const struct scenario *scenario)
{
	unsigned int commands, compared;
	const char *c;
	bool same;

	if (is_only_ours(scenario->name)) {
		unsigned int on_ours = lines(scenario->run[RUST].output, "$ ");

		ksft_test_result(on_ours && scenario->run[RUST].ok,
				 "clients.%s: %u commands on ours, which C has not the options for\n",
				 scenario->name, on_ours);
		return 0;
	}
	c = scenario->run[C].output;
	commands = lines(c, "$ ");
	compared = lines(c, "");
	same = same_as_c(scenario, RUST);

	/* One that does nothing has compared nothing. */
	ksft_test_result(same && commands && scenario->run[C].ok && scenario->run[RUST].ok,
			 "clients.%s: %u commands, %u lines of output on both\n", scenario->name, commands,
			 compared);
	if (runs_on(scenario->name, OLD))
		ksft_test_result(same_as_c(scenario, OLD) && scenario->run[OLD].ok,
				 "clients.%s: the same on instances of C's while ours serves\n",
				 scenario->name);
	return same ? compared : 0;
}

/* The output of a scenario that somebody else runs and compares. */
static int filter(void)
{
	char *text = NULL, *result = NULL;
	size_t size = 0;

	if (getdelim(&text, &size, '\0', stdin) > 0)
		result = normalise(text);
	return !result || fputs(result, stdout) < 0 || fflush(stdout);
}

static void add(const char *name)
{
	if (scenarios_cnt == ARRAY_SIZE(scenarios))
		ksft_exit_fail_msg("too many scenarios\n");
	scenarios[scenarios_cnt++].name = name;
}

int main(int argc, char **argv)
{
	static char all[] = SCENARIOS;
	unsigned int i, compared = 0, old = 0;
	char *name, *names = getenv("BPFFS_SCENARIOS") ?: "";
	ssize_t len;
	int err;

	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		ksft_exit_fail_perror("/proc/self/exe");
	dir = dirname(self);
	if (argc > 1 && !strcmp(argv[1], "--normalise"))
		return filter();
	if (argc == 3 && !strcmp(argv[1], "--mount"))
		return mount_bpf(argv[2], NULL) != 0;
	verbose = argc > 1 && !strcmp(argv[1], "-v");
	for (i = 1 + verbose; i < argc; i++)
		add(argv[i]);
	if (!scenarios_cnt) {
		for (name = strtok(*names ? names : all, " "); name; name = strtok(NULL, " "))
			add(name);
	}

	for (i = 0; i < scenarios_cnt; i++)
		old += runs_on(scenarios[i].name, OLD);

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(scenarios_cnt + old + 3);
	if (geteuid())
		ksft_exit_fail_msg("needs root\n");
	if (impl_rust())
		ksft_exit_fail_msg("the module " MODULE_NAME " is loaded: unload it first\n");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	guard = guard_new();
	if (!guard)
		ksft_exit_fail_msg("cannot watch the kernel log\n");

	run_all(C);
	err = contexts_open(CONTEXTS_CNT, CONTAINERS_CNT);
	if (err)
		ksft_exit_fail_msg("no contexts of C's: %s\n", strerror(-err));
	err = module_load(NULL);
	ksft_test_result(!err && impl_rust(), "load%s%s\n", err ? " # " : "", err ? strerror(-err) : "");
	if (err)
		ksft_exit_fail_msg("without the module there is nothing to compare with\n");
	run_all(RUST);
	run_all(OLD);
	contexts_close();
	err = module_unload();
	ksft_test_result(!err, "unload%s%s\n", err ? " # " : "", err ? strerror(-err) : "");
	for (i = 0; i < scenarios_cnt; i++)
		compared += judge(&scenarios[i]);
	ksft_test_result(!guard_log(guard), "no fault in the kernel log\n");
	ksft_print_msg("compared: %u lines of clients\n", compared);
	ksft_finished();
}
