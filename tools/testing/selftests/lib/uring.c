// SPDX-License-Identifier: GPL-2.0
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "sys.h"
#include "uring.h"

/* Rings of one entry, so every index is 0. */
struct uring {
	int fd;
	char *rings;
	size_t rings_len;
	struct io_uring_sqe *sqe;
};

static int uring_new(struct uring *ring, struct io_uring_params *params)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;

	ring->fd = sys(syscall(SYS_io_uring_setup, 1, params));
	if (ring->fd < 0)
		return ring->fd;
	ring->rings_len = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	/* The rings are one mapping (IORING_FEAT_SINGLE_MMAP); that of completions is behind. */
	if (ring->rings_len < params->sq_off.array + params->sq_entries * sizeof(__u32))
		ring->rings_len = params->sq_off.array + params->sq_entries * sizeof(__u32);
	ring->rings = mmap(NULL, ring->rings_len, prot, flags, ring->fd, IORING_OFF_SQ_RING);
	if (ring->rings == MAP_FAILED)
		return -errno;
	ring->sqe = mmap(NULL, sizeof(*ring->sqe), prot, flags, ring->fd, IORING_OFF_SQES);
	return ring->sqe == MAP_FAILED ? -errno : 0;
}

int uring_unlink(const char *path)
{
	struct io_uring_params params = {};
	struct uring ring = {};
	int err = uring_new(&ring, &params);

	if (err)
		return err;
	*ring.sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_UNLINKAT,
		.flags = IOSQE_ASYNC,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)path,
	};
	*(__u32 *)(ring.rings + params.sq_off.array) = 0;
	__atomic_store_n((__u32 *)(ring.rings + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	err = sys(syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	if (err >= 0)
		err = ((struct io_uring_cqe *)(ring.rings + params.cq_off.cqes))->res;
	munmap(ring.sqe, sizeof(*ring.sqe));
	munmap(ring.rings, ring.rings_len);
	close(ring.fd);
	return err;
}
