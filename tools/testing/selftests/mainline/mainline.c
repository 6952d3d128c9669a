// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own tests that use the BPF file system, on both implementations in
 * one kernel: each runs on C's, then the module is loaded, then each runs again.
 * What passes on C's must pass on ours; what cannot, on either, is one of excuses[].
 *
 *	mainline [test ...]
 *
 * Each test is a process of test_progs in a mount namespace of its own, with a new
 * instance on /sys/fs/bpf, and the guard of our other tests around it.
 *
 * Catches: whatever the kernel's authors have thought of and we have not.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "kselftest.h"
#include "bpffs.h"

#define BPFFS "/sys/fs/bpf"
#define PRELOAD "bpf_preload"
#define UNPRIVILEGED "/proc/sys/kernel/unprivileged_bpf_disabled"
#define LEAVES " leaves in " BPFFS

enum { C, RUST, IMPLS };

/*
 * What does not pass on both, and why. It must come out as it says here: an excuse
 * that is not needed fails.
 */
static const struct excuse {
	/* As for fnmatch(3). */
	const char *names;
	/* Fails on both if the kernel is built without this. */
	const char *needs;
	/* Else: a difference that is to be (Documentation/features.rst). */
	const char *was[IMPLS], *reason;
} excuses[] = {
	/* The stock kernels. */
	{ "xdp_context_lwt_encap/ioam6_encap", "CONFIG_IPV6_IOAM6_LWTUNNEL" },
	/* The debugging kernel. */
	{ "bpf_iter/*6*", "CONFIG_IPV6" },
	{ "bpf_iter/bpf_sk_storage_map", "CONFIG_IPV6" },
	{ "bpf_iter/bpf_sk_storage_[dg]e*", "CONFIG_IPV6" },
	{ "connect_ping", "CONFIG_IPV6" },
	{ "sk_assign", "CONFIG_IPV6" },
	{ "tc_qevent/*", "CONFIG_NET_SCH_HTB" },
	{ "xdp_context_lwt_encap/*", "CONFIG_LWTUNNEL" },
	{ "xdp_context_tuntap/*", "CONFIG_TUN" },
	{ "cgroup_hierarchical_stats", NULL, { "OK", "FAIL" },
	  "mounts over " BPFFS ", which a mount that joins it cannot" },
	{ "bpf_obj_pinning" LEAVES, NULL, { "nothing", "fsmount_map" },
	  "pins into a second mount, which joins " BPFFS },
};

/* Tests that run once more without a mount on /sys/fs/bpf: they make one. */
static const char * const unmounted[] = { "cgroup_hierarchical_stats" };

/* Without these, it is not the kernel's tests that were found. */
static const char * const core[] = {
	"bpf_iter", "bpf_obj_pinning", "link_pinning", "pinning", "test_bpffs", "token",
};

static struct result {
	char *name;
	char *was[IMPLS];
	const struct excuse *excuse;
	/* Not a result but what was seen, which has to be the same. */
	bool seen;
} results[2048];
static unsigned int results_cnt, passed, same, excused;

static struct guard *guard;
static char self[PATH_MAX], *dir;
static char *config;

/* Whether the kernel is built with @option, also as a module. */
static bool configured(const char *option)
{
	size_t len = strlen(option);
	const char *line;

	for (line = strstr(config, option); line; line = strstr(line + 1, option)) {
		if (line[-1] == '\n' && line[len] == '=')
			return true;
	}
	return false;
}

/* libbpf looks there for it, too. */
static void read_config(void)
{
	const size_t size = 1 << 20;
	struct utsname uts;
	char path[128];

	uname(&uts);
	snprintf(path, sizeof(path), "/boot/config-%s", uts.release);
	config = malloc(size);
	if (!config || read_file(path, config, size) <= 0)
		ksft_exit_fail_msg("cannot read %s\n", path);
}

static const struct excuse *excuse_for(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(excuses); i++) {
		if (!fnmatch(excuses[i].names, name, 0) &&
		    (!excuses[i].needs || !configured(excuses[i].needs)))
			return &excuses[i];
	}
	return NULL;
}

static void judge(const struct result *result)
{
	const char *c = result->was[C] ?: "missing", *rust = result->was[RUST] ?: "missing";
	const struct excuse *excuse = result->excuse;
	char why[512] = "";
	bool ok;

	if (!excuse) {
		ok = !strcmp(c, rust) && (result->seen || !strcmp(c, "OK"));
		*(result->seen ? &same : &passed) += ok;
	} else if (excuse->needs) {
		ok = !strcmp(c, rust) && strcmp(c, "OK");
		snprintf(why, sizeof(why), ", excused: the kernel is built without %s",
			 excuse->needs);
		excused += ok;
	} else {
		ok = !strcmp(c, excuse->was[C]) && !strcmp(rust, excuse->was[RUST]);
		snprintf(why, sizeof(why), ", excused (%s on C's, %s on ours): %s",
			 excuse->was[C], excuse->was[RUST], excuse->reason);
		excused += ok;
	}
	if (ok)
		ksft_test_result_pass("%s%s\n", result->name, why);
	else
		ksft_test_result_fail("%s%s # was %s on C's, %s on ours\n", result->name, why, c,
				      rust);
}

/* Judged as soon as the second implementation is done, next to what it said. */
static void note(int impl, bool seen, const char *name, const char *was)
{
	struct result *result = NULL;
	unsigned int i, n = 1;

	for (i = 0; i < results_cnt && !result; i++) {
		if (!strcmp(results[i].name, name) && !results[i].was[impl])
			result = &results[i];
		else if (!strcmp(results[i].name, name))
			n++;
	}
	if (!result) {
		if (results_cnt == ARRAY_SIZE(results))
			ksft_exit_fail_msg("too many results\n");
		result = &results[results_cnt++];
		result->name = strdup(name);
		result->seen = seen;
		result->excuse = excuse_for(name);
	}
	result->was[impl] = strdup(was);
	if (impl == RUST)
		judge(result);
}

struct said {
	const char *test, *label;
	unsigned int subtests, failed;
	bool done;
};

/* "#12/3 test/subtest:OK", and in the end "#12 test:OK"; all else is output. */
static void parse(int impl, char *line, struct said *said)
{
	char *name = strchr(line, ' '), *was = strrchr(line, ':'), full[512];
	size_t len = strlen(said->test);

	if (line[0] != '#' || !name || !was || said->done)
		goto output;
	name += strspn(name, " ");
	if (strncmp(name, said->test, len) || was < name)
		goto output;
	if (name + len == was) {
		said->done = true;
		/* Its subtests have told the story, but for what failed between them. */
		if (!said->subtests || (!said->failed && strcmp(was + 1, "OK")))
			note(impl, false, said->label, was + 1);
		return;
	}
	if (name[len] == '/') {
		*was++ = '\0';
		said->subtests++;
		said->failed += strcmp(was, "OK") != 0;
		snprintf(full, sizeof(full), "%s%s", said->label, name + len);
		note(impl, false, full, was);
		return;
	}
output:
	printf("# %s\n", line);
}

static void exec_test(const char *test, int out)
{
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (chdir(dir))
		_exit(126);
	execl("./test_progs", "test_progs", "-w", "240", "-a", test, NULL);
	fprintf(stderr, "cannot run %s/test_progs: %s\n", dir, strerror(errno));
	_exit(127);
}

static int not_preloaded(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, "maps.debug") &&
	       strcmp(entry->d_name, "progs.debug");
}

/* What the test has left there, but for what the kernel itself puts there. */
static void note_left(int impl, const char *label)
{
	char name[512], left[1024] = "";
	struct dirent **list;
	int i, n = scandir(BPFFS, &list, not_preloaded, alphasort);

	for (i = 0; i < n; i++) {
		snprintf(left + strlen(left), sizeof(left) - strlen(left), "%s%s", i ? " " : "",
			 list[i]->d_name);
		free(list[i]);
	}
	snprintf(name, sizeof(name), "%s" LEAVES, label);
	note(impl, true, name, n < 0 ? strerror(errno) : n ? left : "nothing");
}

static void run(int impl, const char *test, bool mounted)
{
	int out = memfd_create("output", MFD_CLOEXEC), status, err;
	char label[256], *line = NULL;
	struct said said = { .test = test, .label = label };
	uint64_t start = now_ms();
	size_t size = 0;
	FILE *in;
	pid_t pid;

	snprintf(label, sizeof(label), "%s%s", test, mounted ? "" : " (mounts itself)");
	err = guard_enter(guard);
	if (!err && mounted)
		err = mount_bpf(BPFFS, NULL);
	if (err || out < 0)
		ksft_exit_fail_msg("cannot set %s up: %s\n", label, strerror(-err));
	fflush(stdout);
	pid = fork();
	if (!pid)
		exec_test(test, out);
	status = wait_child(pid);
	printf("# %s on %s: %.1f s\n", label, impl == RUST ? "ours" : "C's",
	       (now_ms() - start) / 1000.0);
	lseek(out, 0, SEEK_SET);
	in = fdopen(out, "r");
	while (in && getline(&line, &size, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		parse(impl, line, &said);
	}
	free(line);
	fclose(in);
	if (status < 0 || status > 1 || !said.done)
		ksft_test_result_fail("%s # on %s, ended with %s %d\n", label,
				      impl == RUST ? "ours" : "C's",
				      status < 0 ? "signal" : "status", abs(status));
	note_left(impl, label);
	if (guard_leave(guard))
		ksft_test_result_fail("%s # left something behind on %s\n", label,
				      impl == RUST ? "ours" : "C's");
}

static void run_all(int impl, char **tests)
{
	unsigned int i;

	if (impl_rust() != (impl == RUST))
		ksft_exit_fail_msg("%s serves\n", impl == RUST ? "C's" : "ours");
	for (; *tests; tests++) {
		run(impl, *tests, true);
		for (i = 0; i < ARRAY_SIZE(unmounted); i++) {
			if (!strcmp(unmounted[i], *tests))
				run(impl, *tests, false);
		}
	}
}

/*
 * The stock kernels are built without CONFIG_BPF_PRELOAD but have all that the
 * kernel's own module needs, which pins maps.debug and progs.debug.
 */
static bool load_preload(void)
{
	char path[PATH_MAX + 64];
	int fd, err;

	if (exists("/sys/module/" PRELOAD))
		return false;
	snprintf(path, sizeof(path), "%s/preload/" PRELOAD ".ko", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : sys(syscall(SYS_finit_module, fd, "", 0));
	if (err)
		ksft_exit_fail_msg("cannot load %s: %s\n", path, strerror(-err));
	close(fd);
	return true;
}

static char **all_tests(void)
{
	static char *names[256];
	char path[PATH_MAX + 64], *line = NULL;
	unsigned int i, j, n = 0;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/prog_tests/tests.h", dir);
	file = fopen(path, "r");
	while (file && n < ARRAY_SIZE(names) - 1 && getline(&line, &size, file) > 0) {
		if (sscanf(line, "DEFINE_TEST(%m[a-z0-9A-Z_])", &names[n]) == 1)
			n++;
	}
	free(line);
	for (i = 0; i < ARRAY_SIZE(core); i++) {
		for (j = 0; j < n && strcmp(core[i], names[j]); j++)
			;
		if (j == n)
			ksft_exit_fail_msg("no %s in %s\n", core[i], path);
	}
	fclose(file);
	return names;
}

/* What ours did not come to, and excuses for what is no longer there. */
static void judge_missing(bool all)
{
	unsigned int i, j;

	for (i = 0; i < results_cnt; i++) {
		if (!results[i].was[RUST])
			judge(&results[i]);
	}
	for (i = 0; i < ARRAY_SIZE(excuses) && all; i++) {
		if (excuses[i].needs && configured(excuses[i].needs))
			continue;
		for (j = 0; j < results_cnt && results[j].excuse != &excuses[i]; j++)
			;
		if (j == results_cnt)
			ksft_test_result_fail("%s # is excused, and there is no such test\n",
					      excuses[i].names);
	}
}

int main(int argc, char **argv)
{
	char unprivileged[16], **tests;
	bool preload;
	ssize_t len;
	int err;

	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		ksft_exit_fail_perror("/proc/self/exe");
	dir = dirname(self);
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	if (geteuid())
		ksft_exit_fail_msg("needs root\n");
	if (impl_rust())
		ksft_exit_fail_msg("the module " MODULE_NAME " is loaded: unload it first\n");
	tests = argc > 1 ? argv + 1 : all_tests();

	/* What the kernel's tests want of the machine, so says their configuration. */
	if (read_file(UNPRIVILEGED, unprivileged, sizeof(unprivileged)) < 0 ||
	    write_file(UNPRIVILEGED, "0"))
		ksft_exit_fail_msg("cannot set " UNPRIVILEGED "\n");
	/* If there is none, a test will tell. */
	if (!module_need("tun"))
		printf("# no module tun\n");
	read_config();
	/* It mounts: where the kernel has a preloading module of its own, that is here then. */
	guard = guard_new();
	if (!guard)
		ksft_exit_fail_msg("cannot watch the kernel log\n");
	preload = load_preload();

	objects_settle();
	run_all(C, tests);
	err = module_load(NULL);
	if (err)
		ksft_exit_fail_msg("cannot load " MODULE_NAME ": %s\n", strerror(-err));
	objects_settle();
	run_all(RUST, tests);
	judge_missing(argc == 1);
	err = module_unload();
	ksft_test_result(!err, "unload%s%s\n", err ? " # " : "", err ? strerror(-err) : "");
	if (preload)
		ksft_test_result(!syscall(SYS_delete_module, PRELOAD, O_NONBLOCK),
				 "unload " PRELOAD "\n");
	write_file(UNPRIVILEGED, unprivileged);
	ksft_test_result(!guard_log(guard), "no fault in the kernel log\n");
	ksft_print_msg("compared: %u tests of the kernel's own\n", passed + excused);
	ksft_print_msg("report: mainline: %u of the kernel's own tests passed on both, %u excused; %u left the same behind\n",
		       passed, excused, same);
	ksft_plan = ksft_test_num();
	printf("1..%u\n", ksft_plan);
	ksft_finished();
}
