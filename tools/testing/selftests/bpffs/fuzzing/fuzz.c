// SPDX-License-Identifier: GPL-2.0
/*
 * The same sequences of system calls on C's implementation and on ours, all
 * results compared; see fuzz.h.
 *
 *	BPFFS_FUZZ=500		so many sequences, or for so long (60s, 30m, 8h)
 *	BPFFS_SEED=n		their seed
 *	BPFFS_CORPUS=dir	the sequences that are run before
 *	BPFFS_FINDINGS=dir	where to write minimised differences, for the corpus
 */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpffs_harness.h"
#include "fuzz.h"

/* Without BPFFS_FUZZ: at most so many, and on C's for at most so long. */
#define DEFAULT_CNT	200
#define DEFAULT_MS	8000
/* Sequences between two loads of the module when there are many. */
#define ROUND		600
/* Differences of a run that are minimised. */
#define MAX_FINDINGS	12

/* ---- what may differ ---- */

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/*
 * Whether the module is loaded with sharing=mount. Then mounts are made plainly, as many in a mount
 * namespace as a sequence wants, and nothing that comes of that may differ.
 */
static bool plainly;

static bool newinstance_value(const char *line, const char *c, const char *rust)
{
	return strstr(line, "newinstance") && !strcmp(c, "0") && !strcmp(rust, "-EINVAL") &&
	       (starts(line, "fsconfig ") || starts(line, "mount ") || starts(line, "container "));
}

/*
 * What of all that may differ (Documentation/features.rst) can come up here. A
 * sequence is not compared any further behind such a call. Not among them, as they
 * are not brought about:
 * - mounts that join an instance (Documentation/mount.rst): either each is made in a
 *   mount namespace of its own, see own_namespace(), or none joins, see plainly;
 * - a remount that changes something, see not_taken() of generate.c;
 * - delegate_cmds=common_attrs, and any delegate_cmds but none and all: C shifts
 *   by 65536 to parse the one and to show the others, and the kernel reports that
 *   as a fault, see option_value().
 */
static const struct {
	const char *why;
	bool (*matches)(const char *line, const char *c, const char *rust);
} known[] = {
	{ "newinstance is an option of ours, a flag; C ignores it whatever its value",
	  newinstance_value },
};

/* ---- running and comparing ---- */

struct batch {
	unsigned int cnt;
	struct sequence *seqs;
	char **c, **rust;
};

struct finding {
	const struct sequence *seq;
	unsigned int call;
	char c[512], rust[512];
};

static struct {
	unsigned long sequences, calls, succeeded, known, compared;
	/* For each op: how often it succeeded, and which results it had. */
	unsigned long succeeded_of[256];
	char *pairs[8192];
	unsigned int pairs_cnt;
} stats;

static const char *next_line(const char **text, char *line, size_t size)
{
	size_t len = strcspn(*text, "\n");

	if (!**text)
		return NULL;
	snprintf(line, size, "%.*s", (int)len, *text);
	*text += len + !!(*text)[len];
	return line;
}

/* What a result says before details, such as "-ENOENT" or "0". */
static void count(const char *call, const char *res)
{
	const struct op *op = op_find(call);
	char pair[128];
	unsigned int i;

	stats.compared++;
	if (!op)
		return;
	snprintf(pair, sizeof(pair), "%s %.*s", op->name,
		 *res == '-' ? (int)strcspn(res, " ") : 1, *res == '-' ? res : "");
	if (*res != '-') {
		stats.succeeded++;
		stats.succeeded_of[op_number(op)]++;
	}
	for (i = 0; i < stats.pairs_cnt; i++) {
		if (!strcmp(stats.pairs[i], pair))
			return;
	}
	if (stats.pairs_cnt < ARRAY_SIZE(stats.pairs))
		stats.pairs[stats.pairs_cnt++] = strdup(pair);
}

static bool is_known(const char *line, const char *c, const char *rust)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].matches(line, c, rust))
			return true;
	}
	return false;
}

/*
 * True if there is a difference that may not be; the first is @finding. Results
 * are counted unless the sequence is only tried while minimising.
 */
static bool differ(const struct sequence *seq, const char *c, const char *rust,
		   struct finding *finding, bool counted)
{
	static char a[1 << 17], b[1 << 17];
	const char *in_a, *in_b;
	size_t at;
	unsigned int i;

	for (i = 0; i <= seq->cnt; i++) {
		const char *call = i < seq->cnt ? seq->lines[i] : "(end)";

		in_a = next_line(&c, a, sizeof(a));
		in_b = next_line(&rust, b, sizeof(b));
		if (!in_a && !in_b && i == seq->cnt)
			return false;
		if (counted && i < seq->cnt)
			stats.calls++;
		if (!in_a || !in_b || strcmp(a, b)) {
			if (in_a && in_b && is_known(call, a, b)) {
				stats.known += counted;
				return false;
			}
			for (at = 0; in_a && in_b && a[at] == b[at]; at++)
				;
			/* Where they differ, with something before it. */
			at = at > 100 ? at - 100 : 0;
			finding->seq = seq;
			finding->call = i < seq->cnt ? i : seq->cnt - 1;
			snprintf(finding->c, sizeof(finding->c), "%s%.400s", at ? "…" : "",
				 in_a ? a + at : "nothing");
			snprintf(finding->rust, sizeof(finding->rust), "%s%.400s", at ? "…" : "",
				 in_b ? b + at : "nothing");
			return true;
		}
		if (counted && i < seq->cnt)
			count(call, a);
		/* Dying alike is no better. */
		if (starts(a, "hung") || starts(a, "died") || starts(a, "cannot") ||
		    starts(a, "not a call") || (i == seq->cnt && in_a)) {
			finding->seq = seq;
			finding->call = i < seq->cnt ? i : seq->cnt - 1;
			snprintf(finding->c, sizeof(finding->c), "%.500s", a);
			snprintf(finding->rust, sizeof(finding->rust), "%.500s", b);
			return true;
		}
	}
	return false;
}

static void batch_add(struct batch *batch, const struct sequence *seq)
{
	batch->seqs = realloc(batch->seqs, (batch->cnt + 1) * sizeof(*seq));
	batch->seqs[batch->cnt++] = *seq;
}

static void batch_free(struct batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->cnt; i++) {
		sequence_free(&batch->seqs[i]);
		free(batch->c[i]);
		free(batch->rust[i]);
	}
	free(batch->seqs);
	free(batch->c);
	free(batch->rust);
	memset(batch, 0, sizeof(*batch));
}

/*
 * First on C's implementation, until @ms are over if that is not 0, then as many
 * on ours. Returns 0 or -errno.
 */
static int batch_run(struct batch *batch, unsigned int ms)
{
	unsigned int i, cnt;
	int err;

	batch->c = calloc(batch->cnt, sizeof(char *));
	batch->rust = calloc(batch->cnt, sizeof(char *));
	mounts_apart = !plainly;
	if (impl_rust())
		return -EBUSY;
	cnt = sequences_run(batch->seqs, batch->cnt, ms ? now_ms() + ms : 0, batch->c);
	err = module_load(plainly ? "sharing=mount" : NULL);
	if (err)
		return err;
	if (!impl_rust() || mounts_join() == plainly)
		return -ENODEV;
	sequences_run(batch->seqs, cnt, 0, batch->rust);
	/* Those without results do not count. */
	for (i = cnt; i < batch->cnt; i++)
		sequence_free(&batch->seqs[i]);
	batch->cnt = cnt;
	return module_unload();
}

/* ---- minimising ---- */

static struct sequence without(const struct sequence *seq, unsigned int from, unsigned int cnt)
{
	struct sequence less = {};
	unsigned int i;

	for (i = 0; i < seq->cnt; i++) {
		if (i < from || i >= from + cnt)
			sequence_add(&less, seq->lines[i]);
	}
	return less;
}

/*
 * Only as many calls as show the difference, in place. As the module has to be
 * loaded and unloaded for each try, many are tried at once: each call left out,
 * and each chunk of calls; then all that could be left out one by one, more and
 * more of them.
 */
static void minimise(struct sequence *seq, struct finding *finding)
{
	struct sequence shorter = without(seq, finding->call + 1, seq->cnt);
	/* The same difference is one that the same kind of call shows. */
	const struct op *op = op_find(seq->lines[finding->call]);
	unsigned int round;

	sequence_free(seq);
	*seq = shorter;
	for (round = 0; round < 10; round++) {
		struct batch batch = {};
		unsigned int i, j, len, best = UINT_MAX;
		struct finding found, of_best = {};

		for (len = seq->cnt / 2; len; len /= 2) {
			for (i = 0; i + len <= seq->cnt; i += len) {
				struct sequence less = without(seq, i, len);

				batch_add(&batch, &less);
			}
		}
		if (batch.cnt && !batch_run(&batch, 0)) {
			struct batch joint = {};
			struct sequence all = without(seq, 0, 0);

			/* Singles are the last; from the end, so that places stay. */
			for (i = batch.cnt, j = 0; i-- && batch.seqs[i].cnt + 1 == seq->cnt; j++) {
				struct sequence less;

				if (!differ(&batch.seqs[i], batch.c[i], batch.rust[i], &found,
					    false) ||
				    op_find(batch.seqs[i].lines[found.call]) != op)
					continue;
				less = without(&all, seq->cnt - 1 - j, 1);
				sequence_free(&all);
				all = less;
				less = without(&all, 0, 0);
				batch_add(&joint, &less);
			}
			sequence_free(&all);
			if (joint.cnt && !batch_run(&joint, 0)) {
				for (i = 0; i < joint.cnt; i++) {
					if (differ(&joint.seqs[i], joint.c[i], joint.rust[i],
						   &found, false) &&
					    op_find(joint.seqs[i].lines[found.call]) == op &&
					    found.call + 1 < best) {
						best = found.call + 1;
						of_best = found;
						of_best.seq = &joint.seqs[i];
					}
				}
			}
			for (i = 0; i < batch.cnt; i++) {
				if (differ(&batch.seqs[i], batch.c[i], batch.rust[i], &found,
					   false) &&
				    op_find(batch.seqs[i].lines[found.call]) == op &&
				    found.call + 1 < best) {
					best = found.call + 1;
					of_best = found;
					of_best.seq = &batch.seqs[i];
				}
			}
			if (best < seq->cnt) {
				shorter = without(of_best.seq, best, UINT_MAX / 2);
				sequence_free(seq);
				*seq = shorter;
				*finding = of_best;
				finding->seq = seq;
			}
			if (joint.cnt)
				batch_free(&joint);
		}
		batch_free(&batch);
		if (best == UINT_MAX)
			break;
	}
}

static void print_lines(FILE *to, const char *indent, const struct sequence *seq)
{
	unsigned int i;

	for (i = 0; i < seq->cnt; i++)
		fprintf(to, "%s%s\n", indent, seq->lines[i]);
}

static void save(const struct sequence *seq, const struct finding *finding)
{
	const char *dir = getenv("BPFFS_FINDINGS");
	char path[PATH_MAX];
	FILE *file;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, seq->name);
	file = fopen(path, "we");
	if (!file) {
		perror(path);
		return;
	}
	fprintf(file, "# SPDX-License-Identifier: GPL-2.0\n# Found with %s.\n", seq->name);
	fprintf(file, "# C:    %s\n# ours: %s\n", finding->c, finding->rust);
	print_lines(file, "", seq);
	fclose(file);
}

/* Findings of the same kind of call with the same results are one. */
static bool seen_before(const struct finding *finding)
{
	static char *before[MAX_FINDINGS * 16];
	static unsigned int cnt;
	char text[256];
	unsigned int i;

	snprintf(text, sizeof(text), "%.*s: %.*s, %.*s",
		 (int)strcspn(finding->seq->lines[finding->call], " "),
		 finding->seq->lines[finding->call], (int)strcspn(finding->c, " "), finding->c,
		 (int)strcspn(finding->rust, " "), finding->rust);
	for (i = 0; i < cnt; i++) {
		if (!strcmp(before[i], text))
			return true;
	}
	if (cnt < ARRAY_SIZE(before))
		before[cnt++] = strdup(text);
	return false;
}

/* Says what differs in a batch that was run; how many do. */
static unsigned int report(const struct batch *batch)
{
	static unsigned int reported;
	struct finding finding;
	unsigned int i, bad = 0;

	for (i = 0; i < batch->cnt; i++) {
		struct sequence seq;

		stats.sequences++;
		if (!differ(&batch->seqs[i], batch->c[i], batch->rust[i], &finding, true))
			continue;
		bad++;
		if (seen_before(&finding))
			continue;
		printf("# difference: %s, call %u\n#   %s\n#   C:    %s\n#   ours: %s\n",
		       batch->seqs[i].name, finding.call,
		       batch->seqs[i].lines[finding.call], finding.c, finding.rust);
		fflush(stdout);
		if (reported++ >= MAX_FINDINGS)
			continue;
		seq = without(&batch->seqs[i], 0, 0);
		memcpy(seq.name, batch->seqs[i].name, sizeof(seq.name));
		minimise(&seq, &finding);
		printf("# minimised, to be kept in corpus/:\n");
		print_lines(stdout, "#   ", &seq);
		printf("#   C:    %s\n#   ours: %s\n", finding.c, finding.rust);
		fflush(stdout);
		save(&seq, &finding);
		sequence_free(&seq);
	}
	return bad;
}

/* ---- the corpus ---- */

static int sequence_read(struct sequence *seq, const char *dir, const char *name)
{
	char path[PATH_MAX], *line = NULL;
	size_t size = 0;
	FILE *file;

	memset(seq, 0, sizeof(*seq));
	snprintf(seq->name, sizeof(seq->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			sequence_add(seq, line);
	}
	free(line);
	fclose(file);
	return 0;
}

/* Next to the program, where make puts it. */
static const char *corpus_dir(void)
{
	static char path[PATH_MAX];
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (getenv("BPFFS_CORPUS"))
		return getenv("BPFFS_CORPUS");
	self[len < 0 ? 0 : len] = '\0';
	snprintf(path, sizeof(path), "%s/corpus", dirname(self));
	return path;
}

static int no_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int corpus_read(struct batch *batch)
{
	struct dirent **entries;
	struct sequence seq;
	int i, err = 0, cnt = scandir(corpus_dir(), &entries, no_hidden, alphasort);

	if (cnt < 0)
		return -errno;
	for (i = 0; i < cnt; i++) {
		err = err ?: sequence_read(&seq, corpus_dir(), entries[i]->d_name);
		if (!err)
			batch_add(batch, &seq);
		free(entries[i]);
	}
	free(entries);
	return err ?: cnt ? err : -ENOENT;
}

/* ---- tests ---- */

static int setup_error;

int main(int argc, char **argv)
{
	if (!begin_unloaded(argv[0]))
		return KSFT_FAIL;
	links_prepare();
	setup_error = objects_new();
	return run_all_guarded(argc, argv);
}

FIXTURE(fuzz) { };

FIXTURE_VARIANT(fuzz)
{
	bool plainly;
};

FIXTURE_VARIANT_ADD(fuzz, apart) { .plainly = false };
FIXTURE_VARIANT_ADD(fuzz, plainly) { .plainly = true };

FIXTURE_SETUP(fuzz)
{
	ASSERT_EQ(0, setup_error);
	plainly = variant->plainly;
}

FIXTURE_TEARDOWN(fuzz)
{
	if (impl_rust())
		module_unload();
}

static void print_stats(const char *what)
{
	printf("# report: fuzz %s%s: %lu sequences, %lu calls on each implementation, %lu results compared, %lu succeeded, %u kinds of results, %lu known differences\n",
	       what, plainly ? ", sharing=mount" : "", stats.sequences, stats.calls, stats.compared, stats.succeeded,
	       stats.pairs_cnt, stats.known);
}

/* Calls that must succeed now and then, or nothing is tested. */
static const char *const essential[] = {
	"pin", "get", "mount", "fsconfig", "fsmount", "openat", "mkdirat", "linkat", "unlinkat",
	"renameat2", "setxattr", "getxattr", "fchmodat2", "statx", "tree", "mountinfo",
};

static unsigned int never_succeeded(void)
{
	unsigned int i, cnt = 0;

	for (i = 0; i < ARRAY_SIZE(essential); i++) {
		if (stats.succeeded_of[op_number(op_find(essential[i]))])
			continue;
		printf("# %s never succeeded\n", essential[i]);
		cnt++;
	}
	return cnt;
}

/*
 * Catches: a difference that was found before, or that is known to have been
 * easy to make; and a comparison that finds nothing, as each known difference is
 * in the corpus, too.
 */
TEST_F_TIMEOUT(fuzz, corpus, 1200)
{
	struct batch batch = {};

	ASSERT_EQ(0, corpus_read(&batch));
	ASSERT_EQ(0, batch_run(&batch, 0));
	EXPECT_EQ(0, report(&batch));
	EXPECT_LT(0, stats.known);
	EXPECT_EQ(0, never_succeeded());
	print_stats("corpus");
	printf("# compared: %lu results of calls\n", stats.compared);
	batch_free(&batch);
}

/* Milliseconds that a unit stands for; 0 for one that there is not. */
static unsigned int unit_ms(const char *unit)
{
	if (!strcmp(unit, "s"))
		return 1000;
	if (!strcmp(unit, "m"))
		return 60 * 1000;
	return strcmp(unit, "h") ? 0 : 60 * 60 * 1000;
}

/* Catches: any call whose result is not that of C's implementation. */
TEST_F_TIMEOUT(fuzz, random, 5 * 24 * 3600)
{
	const char *length = getenv("BPFFS_FUZZ") ?: "";
	unsigned int index = 0, cnt = DEFAULT_CNT, i;
	uint64_t seed = choose_seed(), end = 0;
	unsigned int ms = DEFAULT_MS, bad = 0;
	char *unit;

	if (*length) {
		cnt = strtoul(length, &unit, 0);
		ms = 0;
		if (*unit) {
			ASSERT_NE(0, unit_ms(unit))
				TH_LOG("BPFFS_FUZZ=%s: neither a number nor a time such as 60s, 30m, 8h", length);
			end = now_ms() + (uint64_t)cnt * unit_ms(unit);
			cnt = UINT_MAX;
		}
	}
	printf("# report: fuzz BPFFS_SEED=%lu\n", seed);
	fflush(stdout);
	while (index < cnt && (!end || now_ms() < end)) {
		unsigned int round = cnt - index < ROUND ? cnt - index : ROUND;
		struct batch batch = {};

		for (i = 0; i < round; i++) {
			struct sequence seq;

			sequence_generate(&seq, seed, index + i, plainly);
			batch_add(&batch, &seq);
		}
		/* Half of the time that is left, as ours takes as long. */
		if (end)
			ms = (end - now_ms()) / 2 + 1;
		ASSERT_EQ(0, batch_run(&batch, ms));
		bad += report(&batch);
		index += batch.cnt;
		batch_free(&batch);
		if (end)
			print_stats("so far");
		else if (ms)
			break;
	}
	EXPECT_EQ(0, bad);
	print_stats("random");
	printf("# compared: %lu results of calls\n", stats.compared);
	printf("# report: fuzz BPFFS_SEED=%lu\n", seed);
	if (getenv("BPFFS_FUZZ_RESULTS")) {
		for (i = 0; i < stats.pairs_cnt; i++)
			printf("# result: %s\n", stats.pairs[i]);
	}
	/* A run that is nearly all errors, or nearly nothing, tests nothing. */
	EXPECT_LT(stats.calls / 4, stats.succeeded);
	/* The default run is too short to come to all of them; the corpus has them. */
	if (stats.sequences >= 50)
		EXPECT_EQ(0, never_succeeded());
}
