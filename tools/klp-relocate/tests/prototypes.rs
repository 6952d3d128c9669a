// SPDX-License-Identifier: GPL-2.0
//! Modules whose declarations are compared with a kernel's BTF.

mod common;

use std::fs;
use std::panic::catch_unwind;
use std::process::Output;

use common::{run, tool, Dir, LIST};
use klp_relocate::btf::Btf;
use klp_relocate::prototypes::prove;

const KERNEL: &str = include_str!("fixtures/kernel.c");
const PROTOTYPES: &str = include_str!("fixtures/prototypes.c");
const NAMES: [&str; 6] = [
    "vm_function",
    "vm_data",
    "vm_ops",
    "vm_weak",
    "vm_key",
    "vm_replaced",
];

/// Replaces what must be in `text` exactly once.
fn edit(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

/// A module `m.ko`, its list, and both sides of the comparison.
fn module(prototypes: &str, kernel: &str) -> Dir {
    let dir = Dir::new();
    dir.module("m.ko");
    dir.write("list", LIST);
    dir.btf("prototypes.o", prototypes);
    dir.btf("vmlinux", kernel);
    dir
}

fn convert(dir: &Dir, more: &[&str]) -> Output {
    let path = |name| dir.path(name).into_os_string().into_string().unwrap();
    let (list, prototypes, btf) = (path("list"), path("prototypes.o"), path("vmlinux"));
    let module = path("m.ko");
    let mut args = vec!["convert", "-s", &list, "--prototypes", &prototypes];
    args.extend(["--btf", &btf, &module]);
    args.extend(more);
    tool(&args)
}

fn accepted(dir: &Dir, more: &[&str]) -> String {
    let output = convert(dir, more);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asserts that the module is refused, in one line with all of `reasons`, and left alone.
fn refused(dir: &Dir, reasons: &[&str]) -> String {
    let before = (fs::read(dir.path("m.ko")).unwrap(), dir.names());
    let output = convert(dir, &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{reasons:?}: {stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for reason in reasons.iter().chain(&["m.ko"]) {
        assert!(stderr.contains(reason), "expected '{reason}': {stderr}");
    }
    assert!(before == (fs::read(dir.path("m.ko")).unwrap(), dir.names()));
    stderr
}

/// Asserts that a kernel that differs in one line is refused. Both ways, as neither side counts
/// for more.
fn kernel_refused(from: &str, to: &str, reasons: &[&str]) {
    refused(&module(PROTOTYPES, &edit(KERNEL, from, to)), reasons);
}

/// Asserts that a kernel that differs in one line is no other.
fn kernel_accepted(from: &str, to: &str) {
    accepted(&module(PROTOTYPES, &edit(KERNEL, from, to)), &[]);
}

// Catches: false alarms; a proof that is not told of, that counts what was not proved, or that
// does not say what.
#[test]
fn equal_prototypes_are_proved() {
    let dir = module(PROTOTYPES, KERNEL);
    let text = accepted(&dir, &[]);
    assert!(
        text.ends_with("m.ko: 4 prototypes and 1 structs proved, 2 variables not in BTF\n"),
        "{text}"
    );
    // Again, now that it is converted.
    let text = accepted(&dir, &["-v"]);
    for line in [
        "proved vm_function: int(const struct ops *)",
        "proved vm_weak: struct node *(struct node *, mode_t, double)",
        "proved vm_replaced: void(void)",
        "proved vm_key: long int[2]",
        "proved struct repeated",
        "not in BTF vm_ops: const struct ops, whose layout is the kernel's",
        "not in BTF vm_data: long unsigned int",
    ] {
        assert!(text.contains(&format!("  {line}")), "{line}: {text}");
    }
}

// Catches: a struct of the module's own that is taken to be the kernel's, though the kernel has
// other members, does not know it, or knows but its name.
#[test]
fn repeated_structs_are_compared() {
    kernel_refused(
        "\tlong count;",
        "\tint count;",
        &["struct repeated: ", "repeated.rest"],
    );
    kernel_refused(
        "\tlong count;",
        "\tlong more, count;",
        &["struct repeated: ", "struct repeated"],
    );
    let unknown = KERNEL.replace("struct repeated", "struct other");
    refused(
        &module(PROTOTYPES, &unknown),
        &["struct repeated: the kernel's BTF has no"],
    );
    let members = "struct repeated {\n\tstruct node *node;\n\tlong count;\n\tchar rest[];\n};\n";
    let declared = edit(
        &edit(KERNEL, members, "struct repeated;\n"),
        "return repeated->count;",
        "return !repeated;",
    );
    refused(
        &module(PROTOTYPES, &declared),
        &["struct repeated: the kernel's BTF only declares it"],
    );
    let declared = edit(PROTOTYPES, members, "struct repeated;\n");
    refused(
        &module(&declared, KERNEL),
        &["struct repeated: the module only declares it"],
    );
}

// Catches: BTF that is read from ELF files only, or only from them.
#[test]
fn both_sides_may_be_bare() {
    let dir = module(PROTOTYPES, KERNEL);
    for name in ["vmlinux", "prototypes.o"] {
        let path = dir.path(name).into_os_string().into_string().unwrap();
        let bare = dir.path("bare").into_os_string().into_string().unwrap();
        run(
            "objcopy",
            &[
                "-O",
                "binary",
                "--only-section=.BTF",
                "--set-section-flags",
                ".BTF=alloc",
                &path,
                &bare,
            ],
        );
        fs::rename(bare, path).unwrap();
    }
    accepted(&dir, &[]);
}

// Catches: prototypes that are called with other registers, or widths, than they were compiled for.
#[test]
fn other_prototypes_are_refused() {
    let weak = "vm_weak(struct node *node, mode_t mode, double factor)";
    for (to, reason) in [
        (
            "vm_weak(struct node *node, int mode, double factor)",
            "parameter 2, size: 2 to the module, 4 to the kernel",
        ),
        (
            "vm_weak(struct node *node, short mode, double factor)",
            "parameter 2, short unsigned int to",
        ),
        (
            "vm_weak(struct node *node, truth *mode, double factor)",
            "parameter 2, ",
        ),
        (
            "vm_weak(struct ops *node, mode_t mode, double factor)",
            "parameter 1, struct node to the module, struct ops to",
        ),
        (
            "vm_weak(union either *node, mode_t mode, double factor)",
            "parameter 1, struct node to the module, union either to",
        ),
        (
            "vm_weak(struct node **node, mode_t mode, double factor)",
            "parameter 1, ",
        ),
        (
            "vm_weak(struct node *node, mode_t mode, float factor)",
            "parameter 3, double to the module, float to",
        ),
        (
            "vm_weak(struct node *node, mode_t mode, long factor)",
            "parameter 3, double to the module, long int to",
        ),
        (
            "vm_weak(struct node *node, mode_t mode)",
            "number of parameters: 3 to the module, 2 to",
        ),
        (
            "vm_weak(struct node *node, mode_t mode, double factor, ...)",
            "number of parameters: 3 to the module, 4 to",
        ),
    ] {
        let text = edit(KERNEL, weak, to);
        let text = refused(
            &module(PROTOTYPES, &text),
            &["vm_weak: struct node *(", reason],
        );
        assert!(!text.contains("vm_function:"), "{text}");
    }
    kernel_refused(
        "static int vm_function",
        "static long vm_function",
        &[
            "vm_function: int(const struct ops *) to the module, long int(",
            "(the result, size: 4 to the module, 8",
        ],
    );
    kernel_refused(
        "static void vm_replaced",
        "static int vm_replaced",
        &["vm_replaced: void(void) to the module, int(void) to the kernel (the result, "],
    );
    kernel_refused(
        "long vm_key[2]",
        "long vm_key[3]",
        &["vm_key: ", "number of elements: 2"],
    );
}

// Catches: structs that are taken to be the same by their name.
#[test]
fn other_layouts_are_refused() {
    for (from, to, reason) in [
        ("	enum colour colour;\n", "", "struct node"),
        (
            "	struct node *next;\n",
            "	struct node *previous;\n",
            "member 1 of struct node: next to the module, previous to",
        ),
        (
            "	char name[16];\n",
            "	char name[16];\n	int more;\n",
            "number of members of struct node: 7 to the module, 8 to",
        ),
        (
            "	char name[16];\n",
            "	char name[15];\n",
            "name, number of elements: 16",
        ),
        ("low : 3", "low : 4", "}.low: 3 to the module, 4 to"),
        (
            "	long number;\n",
            "	unsigned long number;\n",
            "union either.number, long int to",
        ),
        (
            "GREEN = 7",
            "GREEN = 8",
            "struct node.colour, value of enum colour: GREEN = 7 to the module, GREEN = 8 to",
        ),
        (
            "GREEN = 7",
            "GREEN = 7, BLUE",
            "number of values of enum colour: 2 to the module, 3 to",
        ),
        (
            "mode_t mode);\n",
            "int mode);\n",
            "struct ops.walk, parameter 2, size: 2",
        ),
        (
            "	truth (*print)(const char *format, ...);\n",
            "	truth (*print)(const char *format, int);\n",
            "struct ops.print, parameter 2, ",
        ),
        (
            "	truth (*print)",
            "	char (*print)",
            "struct ops.print, the result, _Bool to",
        ),
    ] {
        // All that refers to the struct is named.
        let text = edit(KERNEL, from, to);
        refused(
            &module(PROTOTYPES, &text),
            &["vm_function: ", "vm_weak: ", "vm_ops: ", reason],
        );
    }
    // Of members that are apart, the offset counts, too.
    kernel_refused(
        "	char name[16];\n",
        "	char name[16] __attribute__((aligned(64)));\n",
        &["struct node", "bit offset of struct node.name: "],
    );
}

// Catches: refusals for what makes no difference to a caller.
#[test]
fn other_words_for_the_same_are_accepted() {
    kernel_accepted("struct opaque {\n	int hidden;\n};\n", "");
    kernel_accepted(
        "struct node *node, mode_t mode);",
        "struct node *volatile n, unsigned short);",
    );
    kernel_accepted(
        "vm_function(const struct ops *ops)",
        "vm_function(struct ops *const ops)",
    );
    kernel_accepted("	void *pointer;\n", "	const void *pointer;\n");
    kernel_accepted("(int);\n", "(signed int how);\n");
}

// Catches: what cannot be proved taken for proved.
#[test]
fn what_cannot_be_proved_is_refused() {
    kernel_refused(
        " vm_replaced(void)",
        " vm_replaced_not(void)",
        &["vm_replaced: the kernel's BTF has no such function"],
    );
    // To the kernel it is a variable, or a function.
    let text = edit(
        KERNEL,
        "static void vm_replaced(void)\n{\n}\n",
        "long vm_replaced[1];\n",
    )
    .replace("__attribute__((used)) long", "long");
    refused(
        &module(PROTOTYPES, &text),
        &["vm_replaced: void(void) to the module, long int[1] to"],
    );
    let text = edit(
        KERNEL,
        "__attribute__((section(\".data..percpu\"))) long vm_key[2];\n",
        "__attribute__((used)) static void vm_key(void) {}\n",
    );
    refused(
        &module(PROTOTYPES, &text),
        &["vm_key: long int[2] to the module, void(void) to"],
    );
    // The kernel has no type of that name.
    let text = edit(
        PROTOTYPES,
        "extern const struct ops vm_ops;",
        "extern struct absent { int i; } vm_ops;",
    );
    refused(
        &module(&text, KERNEL),
        &["vm_ops: the kernel's BTF has no struct absent"],
    );

    // The module refers to it, or replaces it, and no declaration is recorded.
    for (member, reason) in [
        (
            "	typeof(vm_weak) *vm_weak;\n",
            "vm_weak: no declaration was recorded",
        ),
        (
            "	typeof(vm_replaced) *vm_replaced;\n",
            "vm_replaced: no declaration was recorded",
        ),
    ] {
        refused(&module(&edit(PROTOTYPES, member, ""), KERNEL), &[reason]);
    }
    let text = edit(
        PROTOTYPES,
        "struct klp_prototypes {",
        "struct klp_prototype {",
    );
    refused(&module(&text, KERNEL), &["has no struct klp_prototypes"]);
    let text = edit(
        PROTOTYPES,
        "typeof(vm_key) *vm_key",
        "typeof(vm_key) vm_key",
    );
    refused(&module(&text, KERNEL), &["vm_key: is no pointer"]);
}

// Catches: files that are taken for BTF without any; errors that do not say which file.
#[test]
fn files_without_btf_are_refused() {
    let dir = module(PROTOTYPES, KERNEL);
    for (contents, reason) in [
        (&b""[..], "vmlinux: too short for BTF"),
        (b"\x9f\xeb\x01\x00", "vmlinux: too short for BTF"),
        (b"no BTF\nat all\n", "vmlinux: neither BTF"),
        (b"\x7fELF", "vmlinux: neither BTF"),
        (
            b"\xeb\x9f\x01\x00\x00\x00\x00\x18\x00\x00\x00\x00",
            "vmlinux: neither BTF",
        ),
        (
            b"\x9f\xeb\x02\x00\x18\x00\x00\x00",
            "vmlinux: BTF of version 2",
        ),
    ] {
        dir.write("vmlinux", contents);
        refused(&dir, &[reason]);
    }
    fs::copy(dir.path("m.ko"), dir.path("vmlinux")).unwrap();
    refused(&dir, &["vmlinux: has no section .BTF"]);
    fs::remove_file(dir.path("vmlinux")).unwrap();
    refused(&dir, &["vmlinux: No such file"]);
}

/// BTF made of its parts.
fn encode(types: &[u32], strings: &[u8]) -> Vec<u8> {
    let size = u32::try_from(4 * types.len()).unwrap();
    let header = [
        0x0001_eb9f,
        24,
        0,
        size,
        size,
        strings.len().try_into().unwrap(),
    ];
    let words = header.iter().chain(types).flat_map(|w| w.to_le_bytes());
    words.chain(strings.iter().copied()).collect()
}

/// A side that has a function `f` of type 3, which these types begin with.
fn side(types: &[u32]) -> Vec<u8> {
    // klp_prototypes is struct 1, with a member `f` that is pointer 2.
    let record = [1, (4 << 24) | 1, 8, 16, 2, 0, 0, 2 << 24, 3];
    let function = [16, 12 << 24, 3];
    encode(
        &[&record, types, &function].concat(),
        b"\0klp_prototypes\0f\0name\0",
    )
}

/// Compares the function `f` of both.
fn compared(ours: &[u32], theirs: &[u32]) -> Result<(), String> {
    let side = |types| Btf::parse(&side(types)).map_err(|e| format!("{e:#}"));
    let proof = prove(["f"].into_iter(), &side(ours)?, &side(theirs)?);
    let proof = proof.map_err(|e| format!("{e:#}"))?;
    assert_eq!((proof.proved.len(), proof.unknown.len()), (1, 0));
    Ok(())
}

fn proved(types: &[u32]) -> Result<(), String> {
    compared(types, types)
}

// Catches: a recursion, or a loop, without an end.
#[test]
fn circles_end() {
    // void (*)(void), which is fine.
    assert_eq!(proved(&[0, 13 << 24, 0]), Ok(()));
    // A typedef of itself; a const of a const of itself.
    let error = proved(&[0, 8 << 24, 3]).unwrap_err();
    assert!(error.contains("type 3 is defined by itself"), "{error}");
    let error = proved(&[0, 10 << 24, 4, 0, 10 << 24, 3]).unwrap_err();
    assert!(error.contains("is defined by itself"), "{error}");
    // A pointer to itself, a function that returns itself, an array of itself.
    for ty in [
        &[0, 2 << 24, 3][..],
        &[0, 13 << 24, 3],
        &[0, 3 << 24, 0, 3, 3, 1],
    ] {
        assert_eq!(proved(ty), Ok(()));
    }
    // A function that takes pointers to itself, and one that takes pointers to what is not there.
    assert_eq!(proved(&[0, (13 << 24) | 1, 0, 0, 4, 0, 2 << 24, 3]), Ok(()));
    let error = proved(&[0, (13 << 24) | 1, 0, 0, 4, 0, 2 << 24, 99]).unwrap_err();
    assert!(error.contains("there is no BTF type 99"), "{error}");
}

// Catches: declarations that are taken for another type's, or that are no match for their own.
#[test]
fn a_declaration_is_equal_to_what_it_declares() {
    const NAME: u32 = 18;
    // void f(struct name *), or another type in its place, type 5.
    let f = |ty: &[u32]| [&[0, (13 << 24) | 1, 0, 0, 4, 0, 2 << 24, 5], ty].concat();
    let (structure, union) = (f(&[NAME, 4 << 24, 8]), f(&[NAME, 5 << 24, 8]));
    let (forward, union_forward) = (f(&[NAME, 7 << 24, 0]), f(&[NAME, (1 << 31) | (7 << 24), 0]));
    let (enumeration, incomplete) = (f(&[NAME, (6 << 24) | 1, 8, 16, 1]), f(&[NAME, 6 << 24, 4]));
    let groups = [
        [structure, forward],
        [union, union_forward],
        [enumeration, incomplete],
    ];
    for (i, ours) in groups.iter().enumerate() {
        for (j, theirs) in groups.iter().enumerate() {
            for (ours, theirs) in ours.iter().flat_map(|a| theirs.iter().map(move |b| (a, b))) {
                assert_eq!(
                    compared(ours, theirs).is_ok(),
                    i == j,
                    "{ours:?} {theirs:?}"
                );
            }
        }
    }
    // Of another name.
    assert!(compared(&f(&[NAME, 4 << 24, 8]), &f(&[16, 7 << 24, 0])).is_err());
    assert!(compared(&f(&[NAME, 6 << 24, 4]), &f(&[16, 6 << 24, 4])).is_err());
}

/// xorshift64, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// Takes BTF, damaged or not, through all that reads it, as either side.
fn exercise(what: &str, file: &[u8], good: &Btf) -> bool {
    let attempt = || {
        let Ok(bad) = Btf::parse(file) else {
            return false;
        };
        let names = || NAMES.into_iter();
        // Whether these fail or not is beside the point.
        prove(names(), &bad, good).is_ok()
            | prove(names(), good, &bad).is_ok()
            | prove(names(), &bad, &bad).is_ok()
    };
    catch_unwind(std::panic::AssertUnwindSafe(attempt)).unwrap_or_else(|_| panic!("{what}"))
}

/// The module's prototypes together with the kernel's functions.
fn whole() -> Vec<u8> {
    let (_, functions) = KERNEL.split_once("/* Static in").unwrap();
    let functions = functions.replace(" static ", " ");
    let dir = Dir::new();
    let object = dir.btf("both.o", &format!("{PROTOTYPES}/* {functions}"));
    let file = fs::read(object).unwrap();
    let image = common::Image::read(&file);
    image.sections[image.section(".BTF")].2.to_vec()
}

// Catches: trust in lengths, offsets, counts, kinds, ids and names.
#[test]
fn damaged_btf_is_survived() {
    let original = whole();
    let good = Btf::parse(&original).unwrap();
    assert!(exercise("undamaged", &original, &good));
    for length in 0..original.len() {
        assert!(
            !exercise(
                &format!("truncated to {length}"),
                &original[..length],
                &good
            ),
            "the strings are last, {length} bytes lack some"
        );
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut outcomes = [0usize; 2];
    for round in 0..20_000 {
        let mut file = original.clone();
        for _ in 0..=random.below(3) {
            let at = match random.below(8) {
                0 => random.below(24),
                _ => random.below(file.len()),
            };
            let values = [0, 1, 0x7f, 0x80, 0xff, file[at] ^ (1 << random.below(8))];
            file[at] = values[random.below(values.len())];
        }
        outcomes[usize::from(exercise(&format!("round {round}"), &file, &good))] += 1;
    }
    // Catches: a test that never gets past the first check.
    assert!(outcomes.iter().all(|&n| n > 500), "{outcomes:?}");
}

// Catches: memory or time that grows with what a file says of itself rather than with its size.
#[test]
fn boasts_are_refused() {
    let huge = u32::MAX;
    // Lengths of the parts.
    for at in [4, 8, 12, 16, 20] {
        let mut file = whole();
        file[at..at + 4].copy_from_slice(&huge.to_le_bytes());
        assert!(Btf::parse(&file).is_err(), "{at}");
    }
    // Counts of members, values, parameters and variables.
    for kind in [4, 5, 6, 13, 15, 19] {
        let error = Btf::parse(&encode(&[0, (kind << 24) | 0xffff, 0], b"\0"))
            .err()
            .unwrap();
        assert!(
            format!("{error:#}").contains("BTF type 1: ends amid"),
            "{error:#}"
        );
    }
    // One long name, shared by many.
    let strings = [b"\0", &vec![b'a'; 1 << 20][..], b"\0"].concat();
    let types: Vec<u32> = (0..1 << 16).flat_map(|_| [1, 8 << 24, 0]).collect();
    let error = Btf::parse(&encode(&types, &strings)).err().unwrap();
    assert!(format!("{error:#}").contains("is no name"), "{error:#}");
    // A kind to come.
    let error = Btf::parse(&encode(&[0, 20 << 24, 0], b"\0")).err().unwrap();
    assert!(
        format!("{error:#}").contains("kind 20, which is not known"),
        "{error:#}"
    );
}
