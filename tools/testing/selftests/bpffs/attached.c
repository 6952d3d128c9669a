// SPDX-License-Identifier: GPL-2.0
/*
 * What the pin of a link says of the link: its type, its id, and whether it has what it
 * was attached to (bpf.attached).
 */
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "bpffs_harness.h"
#include "kbtf.h"
#include "link_types.h"
#include "whatis.h"

FIXTURE(attached) { };

FIXTURE_SETUP(attached)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
}

FIXTURE_TEARDOWN(attached) { }

/* What bpf.attached says, after a while if it takes one. */
static bool soon_says(const char *path, const char *value)
{
	return wait_until(!strcmp(on_ours(value), attribute(path, "bpf.attached")), 20000);
}

FIXTURE(attached_types) {
	struct link_env env;
};

FIXTURE_VARIANT(attached_types) {
	const char *type;
};

#define LINK_TYPE(name) FIXTURE_VARIANT_ADD(attached_types, name) { #name };
EACH_LINK_TYPE(LINK_TYPE)

FIXTURE_SETUP(attached_types)
{
	const struct link_type *type = link_type_by_name(variant->type);

	ASSERT_NE(NULL, type);
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, link_env_new(&self->env, type));
	ASSERT_EQ(0, obj_pin(self->env.link, "bpf/link"));
}

FIXTURE_TEARDOWN(attached_types) { }

/*
 * Catches: a type of links that is named wrongly, or said to be detached; one that was
 * detached by hand and is said to be attached.
 */
TEST_F(attached_types, says)
{
	const struct link_type *type = self->env.type;
	union bpf_attr attr = { .link_detach.link_fd = self->env.link };
	const char *after = "yes";

	EXPECT_STREQ(on_ours(type_text("link", "BPF_LINK_TYPE_", type->link_type)),
		     attribute("bpf/link", "bpf.type"));
	EXPECT_STREQ(on_ours(number_text(obj_id(self->env.link, OBJ_LINK))),
		     attribute("bpf/link", "bpf.id"));
	EXPECT_STREQ(on_ours("yes"), attribute("bpf/link", "bpf.attached"));
	/* Links have neither. */
	EXPECT_STREQ(on_ours("ENODATA"), attribute("bpf/link", "bpf.name"));
	EXPECT_STREQ(on_ours("ENODATA"), attribute("bpf/link", "bpf.tag"));

	if (type->detaches) {
		ASSERT_EQ(0, sys_bpf(BPF_LINK_DETACH, &attr));
		/* Of netfilter's, the kernel does not tell. */
		if (strcmp(type->name, "netfilter"))
			after = "no";
	}
	EXPECT_STREQ(on_ours(after), attribute("bpf/link", "bpf.attached"));
}

/* Catches: a type of links that the kernel has and that has no test here. */
TEST_F(attached, every_type)
{
	const struct __fixture_variant_metadata *v;
	unsigned int variants = 0;

	/* link_types.all compares that list with the kernel's, in which iterators are left. */
	for (v = _attached_types_fixture_object.variant; v; v = v->next)
		variants++;
	EXPECT_EQ(link_types_cnt, variants);
	ASSERT_EQ(0, obj_pin(iter_new(), "bpf/iter"));
	EXPECT_STREQ(on_ours("link:iter"), attribute("bpf/iter", "bpf.type"));
	EXPECT_STREQ(on_ours("yes"), attribute("bpf/iter", "bpf.attached"));
}

/* A link of the type on the network device or the cgroup @target; descriptor or -errno. */
static int link_on(const char *name, int target)
{
	const struct link_type *type = link_type_by_name(name);
	union bpf_attr attr = {
		.link_create.target_fd = target,
		.link_create.attach_type = type->attach_type,
	};
	int counter = map_new(), link;

	attr.link_create.prog_fd = link_type_prog(type, counter);
	close(counter);
	if ((int)attr.link_create.prog_fd < 0)
		return attr.link_create.prog_fd;
	link = sys_bpf(BPF_LINK_CREATE, &attr);
	close(attr.link_create.prog_fd);
	return link;
}

/* Catches: links that are said to be attached to a device that is gone. */
TEST_F_TIMEOUT(attached, device_goes, 120)
{
	static const struct {
		const char *type, *device;
	} cases[] = {
		{ "xdp", "d0" },
		{ "tcx", "d0" },
		{ "netkit", "nk0" },
	};
	struct link_env env;
	char path[32];
	unsigned int i;

	/* Has a device of netkit's, and a network namespace around it. */
	ASSERT_EQ(0, link_env_new(&env, link_type_by_name("netkit")));
	close(env.link);
	ASSERT_TRUE(link_detached(&env));
	ASSERT_TRUE(module_need("dummy"));
	ASSERT_EQ(0, system("ip link add d0 type dummy"));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int link = link_on(cases[i].type, if_nametoindex(cases[i].device));

		ASSERT_LE(0, link)
			TH_LOG("%s", cases[i].type);
		snprintf(path, sizeof(path), "bpf/%s", cases[i].type);
		ASSERT_EQ(0, obj_pin(link, path));
		close(link);
		EXPECT_STREQ(on_ours("yes"), attribute(path, "bpf.attached"));
	}
	ASSERT_EQ(0, system("ip link del nk0 && ip link del d0"));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "bpf/%s", cases[i].type);
		EXPECT_STREQ(on_ours("no"), attribute(path, "bpf.attached"))
			TH_LOG("%s", cases[i].type);
		/* It is the same link still. */
		EXPECT_STREQ(on_ours(type_text("link", "", cases[i].type)),
			     attribute(path, "bpf.type"));
	}
}

/* Catches: links that are said to be attached to a cgroup that is gone. */
TEST_F_TIMEOUT(attached, cgroup_goes, 120)
{
	static const char *const types[] = { "cgroup", "lsm_cgroup" };
	char path[32];
	unsigned int i;
	int cgroup;

	ASSERT_EQ(0, mkdir("cgroup", 0755));
	ASSERT_EQ(0, sys(mount("cgroup", "cgroup", "cgroup2", 0, NULL)));
	ASSERT_EQ(0, mkdir("cgroup/bpffs_test", 0755));
	cgroup = open("cgroup/bpffs_test", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, cgroup);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		int link = link_on(types[i], cgroup);

		ASSERT_LE(0, link)
			TH_LOG("%s", types[i]);
		snprintf(path, sizeof(path), "bpf/%s", types[i]);
		ASSERT_EQ(0, obj_pin(link, path));
		close(link);
		EXPECT_STREQ(on_ours("yes"), attribute(path, "bpf.attached"));
	}
	close(cgroup);
	ASSERT_EQ(0, rmdir("cgroup/bpffs_test"));
	/* The kernel takes a cgroup apart in a worker. */
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		snprintf(path, sizeof(path), "bpf/%s", types[i]);
		EXPECT_TRUE(soon_says(path, "no"))
			TH_LOG("%s", types[i]);
	}
}

/*
 * Catches: links that are said to be attached to something in a network namespace that is
 * gone; those said to be detached that hold their namespace.
 */
TEST_F_TIMEOUT(attached, namespace_goes, 240)
{
	static const struct {
		const char *type, *after;
	} cases[] = {
		{ "netns", "no" },
		{ "xdp", "no" },
		{ "tcx", "no" },
		{ "netkit", "no" },
		{ "netfilter", "yes" },
		{ "sockmap", "yes" },
	};
	char path[32];
	unsigned int i;
	int status;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "bpf/%s", cases[i].type);
		in_child(&status) {
			struct link_env env;

			ASSERT_EQ(0, link_env_new(&env, link_type_by_name(cases[i].type)));
			ASSERT_EQ(0, obj_pin(env.link, path));
			EXPECT_STREQ(on_ours("yes"), attribute(path, "bpf.attached"));
		}
		ASSERT_EQ(0, status);
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "bpf/%s", cases[i].type);
		EXPECT_TRUE(soon_says(path, cases[i].after))
			TH_LOG("%s", cases[i].type);
	}
}

int main(int argc, char **argv)
{
	kernel_btf_prepare();
	return run_all_guarded(argc, argv);
}
