// SPDX-License-Identifier: GPL-2.0
/*
 * Links of every type: what is attached stays so as long as there is a pin, and
 * what is fetched from the pin is the link.
 */
#include <stdio.h>
#include <string.h>

#include "bpffs_harness.h"
#include "kbtf.h"
#include "link_types.h"

FIXTURE(links) {
	const struct link_type *type;
	struct link_env env;
	int id;
};

FIXTURE_VARIANT(links) {
	const char *type;
};

#define LINK_TYPE(name) FIXTURE_VARIANT_ADD(links, name) { #name };
EACH_LINK_TYPE(LINK_TYPE)

/* Type of the link as the kernel tells, or -errno. */
static int type_of(int link)
{
	struct bpf_link_info info = {};
	union bpf_attr attr = {
		.info.bpf_fd = link,
		.info.info_len = sizeof(info),
		.info.info = (uintptr_t)&info,
	};
	int err = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);

	return err ? err : (int)info.type;
}

FIXTURE_SETUP(links)
{
	int err;

	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, mkdir("bpf/dir", 0755));
	self->type = link_type_by_name(variant->type);
	ASSERT_NE(NULL, self->type);
	err = link_env_new(&self->env, self->type);
	ASSERT_EQ(0, err)
		TH_LOG("cannot make a link of type %s: is the kernel built without?",
		       self->type->name);
	self->id = obj_id(self->env.link, OBJ_LINK);
	ASSERT_LT(0, self->id);
	ASSERT_EQ(kernel_btf_enum("bpf_link_type", self->type->link_type),
		  type_of(self->env.link));
	ASSERT_TRUE(link_attached(&self->env));
}

FIXTURE_TEARDOWN(links) { }

/* Catches: a link that is detached while pinned, or stays attached without a pin. */
TEST_F(links, life)
{
	struct link_env *env = &self->env;
	int fd;

	ASSERT_EQ(0, obj_pin(env->link, "bpf/link"));
	close(env->link);
	close(env->prog);
	EXPECT_TRUE(link_attached(env));
	EXPECT_TRUE(obj_alive(OBJ_LINK, self->id));

	EXPECT_EQ(-EIO, sys(open("bpf/link", O_RDONLY)));
	EXPECT_EQ(-EINVAL, obj_get_at(0, "bpf/link", BPF_F_RDONLY));
	EXPECT_EQ(-EINVAL, obj_get_at(0, "bpf/link", BPF_F_WRONLY));
	fd = obj_get("bpf/link");
	EXPECT_EQ(self->id, obj_id(fd, OBJ_LINK));
	EXPECT_EQ(kernel_btf_enum("bpf_link_type", self->type->link_type), type_of(fd));
	close(fd);

	/* Any of its names keeps it. */
	ASSERT_EQ(0, link("bpf/link", "bpf/hard"));
	ASSERT_EQ(0, rename("bpf/link", "bpf/dir/moved"));
	ASSERT_EQ(0, unlink("bpf/hard"));
	EXPECT_TRUE(link_attached(env));

	/* So does the file itself while somebody holds it. */
	fd = open("bpf/dir/moved", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink("bpf/dir/moved"));
	EXPECT_TRUE(link_attached(env));
	close(fd);
	/* C's detaches some time later. */
	if (impl_rust() && !getenv(CONTEXTS))
		EXPECT_FALSE(obj_alive(OBJ_LINK, self->id));
	EXPECT_TRUE(obj_gone(OBJ_LINK, self->id));
	EXPECT_TRUE(link_detached(env));
}

/*
 * Catches: a fetched link that is not the one that is pinned; a pin that keeps a
 * link attached that was detached, or loses it then.
 */
TEST_F(links, update_and_detach)
{
	struct link_env *env = &self->env;
	int counter = map_new(), fd;
	union bpf_attr attr = {};
	bool attached;

	ASSERT_EQ(0, obj_pin(env->link, "bpf/link"));
	close(env->link);
	fd = obj_get("bpf/link");
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->type->update, link_update(env, fd, counter));
	close(fd);
	/* From here on, another program counts, if the link takes one. */
	if (self->type->hit && !self->type->update) {
		EXPECT_FALSE(link_counts(env, env->counter));
		close(env->counter);
		env->counter = counter;
	}
	EXPECT_TRUE(link_attached(env));

	fd = obj_get("bpf/link");
	attr.link_detach.link_fd = fd;
	EXPECT_EQ(self->type->detaches ? 0 : -EOPNOTSUPP, sys_bpf(BPF_LINK_DETACH, &attr));
	close(fd);
	attached = !self->type->detaches;
	EXPECT_TRUE(attached ? link_attached(env) : link_detached(env));
	/* Detached or not, it is pinned. */
	fd = obj_get("bpf/link");
	EXPECT_EQ(self->id, obj_id(fd, OBJ_LINK));

	/* Unmounting unpins; what was fetched keeps it until that is closed. */
	ASSERT_EQ(0, umount_bpf("bpf"));
	EXPECT_TRUE(obj_alive(OBJ_LINK, self->id));
	EXPECT_EQ(attached, link_attached(env));
	close(fd);
	EXPECT_TRUE(obj_gone(OBJ_LINK, self->id));
	EXPECT_TRUE(link_detached(env));
}

BPFFS_FIXTURE(link_types);

/* Catches: a type of links that the kernel has and that nothing here makes. */
TEST_F(link_types, all)
{
	int id = kernel_btf_id("bpf_link_type", BTF_KIND_ENUM), i, j, made;
	const struct __fixture_variant_metadata *variant_of_links;
	const struct btf_type *type;
	unsigned int variants = 0;

	for (variant_of_links = _links_fixture_object.variant; variant_of_links;
	     variant_of_links = variant_of_links->next)
		variants++;
	EXPECT_EQ(link_types_cnt, variants);

	ASSERT_LT(0, id);
	type = btf__type_by_id(kernel_btf(), id);
	for (i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(kernel_btf(), btf_enum(type)[i].name_off);

		/* Iterators have tests of their own, in iter.c. */
		made = !strcmp(name, "BPF_LINK_TYPE_UNSPEC") || !strcmp(name, "BPF_LINK_TYPE_ITER") ||
		       !strncmp(name, "__MAX", 5) || !strncmp(name, "MAX", 3);
		for (j = 0; j < link_types_cnt; j++)
			made += !strcmp(name, link_types[j].link_type);
		EXPECT_LT(0, made)
			TH_LOG("no test makes a %s", name);
	}
}

int main(int argc, char **argv)
{
	kernel_btf_prepare();
	return run_all_guarded(argc, argv);
}
