// SPDX-License-Identifier: GPL-2.0
/*
 * Takes vmlinux out of a kernel image: unpack IMAGE FILE. For its .BTF section,
 * the kernel's type information. See "Details of the boot protocol" in the
 * kernel's Documentation/arch/x86/boot.rst.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zstd.h>

#define SETUP_SECTS	0x1f1
#define PAYLOAD_OFFSET	0x248
#define PAYLOAD_LENGTH	0x24c

static uint32_t u32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

int main(int argc, char **argv)
{
	ZSTD_inBuffer in = { };
	ZSTD_outBuffer out = { };
	ZSTD_DCtx *context = ZSTD_createDCtx();
	size_t start, length, left = 1;
	const uint8_t *image;
	struct stat st;
	FILE *file;
	int fd;

	if (argc != 3)
		errx(1, "usage: unpack IMAGE FILE");
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", argv[1]);
	image = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED || st.st_size < 1024)
		err(1, "%s", argv[1]);
	/* The size of what was packed follows the payload and counts as part of it. */
	start = (image[SETUP_SECTS] + 1) * 512 + u32(image + PAYLOAD_OFFSET);
	length = u32(image + PAYLOAD_LENGTH);
	if (length < 4 || start + length > (size_t)st.st_size)
		errx(1, "%s is no kernel image", argv[1]);
	in = (ZSTD_inBuffer){ .src = image + start, .size = length - 4 };
	out.size = u32(image + start + length - 4);
	out.dst = malloc(out.size);
	while (left && in.pos < in.size && out.dst && context) {
		left = ZSTD_decompressStream(context, &out, &in);
		if (ZSTD_isError(left))
			errx(1, "%s: %s", argv[1], ZSTD_getErrorName(left));
	}
	if (left || out.pos != out.size)
		errx(1, "%s is not packed as expected", argv[1]);
	file = fopen(argv[2], "w");
	if (!file || fwrite(out.dst, 1, out.pos, file) != out.pos || fclose(file))
		err(1, "%s", argv[2]);
	return 0;
}
