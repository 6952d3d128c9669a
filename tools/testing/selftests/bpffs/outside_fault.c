// SPDX-License-Identifier: GPL-2.0
/* Readers of what is exposed outside who are held up by a page fault. It takes userfaultfd(2). */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "outside_fixture.h"

OUTSIDE_FIXTURE(outside_fault)

struct faulting {
	int uffd;
	void *page;
	int unlinked;
};

/* Serves the one fault that there is, but unlinks the pin before. */
static void *serve(void *arg)
{
	struct faulting *f = arg;
	struct uffdio_zeropage zero = { .range = { (uintptr_t)f->page, getpagesize() } };
	struct uffd_msg msg;

	if (read(f->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		f->unlinked = sys(unlink("a/x"));
		ioctl(f->uffd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

/*
 * Catches: an end of the last pin that waits for a reader who waits for it: the kernel writes
 * to a page that the task comes to have only when it has unpinned.
 */
TEST_F_TIMEOUT(outside_fault, reader_unpins, 60)
{
	const int fds[] = { self->view, self->maps, self->map };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct faulting f;
	pthread_t thread;
	unsigned int i;
	int fd;

	EXPOSED(self->view, OUTSIDE);
	ASSERT_EQ(6, write_to(OUTSIDE, "remove"));
	ASSERT_EQ(0, unlink("a/view"));
	ASSERT_EQ(0, unlink("a/maps"));
	ASSERT_EQ(0, unlink("a/map"));
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		/* The kernel writes to it what there is, but all of that is not wanted. */
		struct uffdio_api api = { .api = UFFD_API };

		f.uffd = sys(syscall(SYS_userfaultfd, O_CLOEXEC));
		ASSERT_LE(0, f.uffd);
		ASSERT_EQ(0, sys(ioctl(f.uffd, UFFDIO_API, &api)));
		f.page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		reg.range = (struct uffdio_range){ (uintptr_t)f.page, getpagesize() };
		ASSERT_EQ(0, sys(ioctl(f.uffd, UFFDIO_REGISTER, &reg)));
		ASSERT_EQ(0, obj_pin(fds[i], "a/x"));
		ASSERT_EQ(0, obj_pin(fds[i], OUTSIDE));
		fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
		f.unlinked = 1;
		ASSERT_EQ(0, pthread_create(&thread, NULL, serve, &f));
		EXPECT_LT(0, sys(read(fd, f.page, 512)))
			TH_LOG("object %u", i);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(0, f.unlinked);
		EXPECT_FALSE(exists(OUTSIDE));
		EXPECT_EQ(-ENODEV, sys(pread(fd, f.page, 512, 0)));
		close(f.uffd);
	}
}

OUTSIDE_TEST_MAIN
