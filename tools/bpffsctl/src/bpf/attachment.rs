// SPDX-License-Identifier: GPL-2.0

//! What a link is attached to: the part of `struct bpf_link_info` that depends on the type of the link.

use std::os::fd::BorrowedFd;

use serde::Serialize;

use super::{number, number64, types, SIZE};
use crate::sys::{self, TextField};

/// The kind of thing that a link is attached to, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Target {
    /// A cgroup, by its inode in cgroup2; 0 when it is gone.
    Cgroup {
        /// The inode.
        id: u64,
    },
    /// A network namespace, by its inode in nsfs; 0 when it is gone.
    NetworkNamespace {
        /// The inode.
        inode: u32,
    },
    /// A network device, by its number in whichever network namespace; 0 when it is gone.
    Device {
        /// The number.
        ifindex: u32,
    },
    /// A map; 0 after the link was detached.
    Map {
        /// The id.
        id: u32,
    },
    /// A tracepoint or a function of the kernel.
    Kernel {
        /// The name; empty if the kernel does not tell.
        name: String,
    },
    /// Functions of the kernel.
    Functions {
        /// How many.
        count: u32,
    },
    /// A function of the kernel, of a module or of a program, by its number in BTF.
    Btf {
        /// The program that it is in, or the id of the BTF.
        object: u32,
        /// The type's number there.
        function: u32,
    },
    /// Places in a program's file.
    File {
        /// The file's path.
        path: String,
        /// How many places.
        count: u32,
    },
    /// An iterator, by what it goes over.
    Iterator {
        /// Such as `task` or `cgroup`.
        over: String,
    },
    /// A hook of netfilter.
    Netfilter {
        /// `NFPROTO_*`
        family: u32,
        /// `NF_INET_*`
        hook: u32,
        /// Lower ones come first.
        priority: i32,
    },
    /// Something of a type that is not known here.
    Other,
}

/// What a link is attached to, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// To what.
    #[serde(flatten)]
    pub target: Target,
    /// The type of the attachment, where the type of the link leaves it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Offset of the part that depends on the type.
const UNION: usize = 16;

impl Attachment {
    /// Reads it, and asks the kernel again where it tells a name only if there is room for it.
    pub(super) fn of(link: BorrowedFd<'_>, info: &[u8; SIZE]) -> Self {
        let text = |address, length| {
            let field = TextField { address, length };
            let told = sys::info(link, [0; SIZE], Some(field));
            let text = told.map(|(_, text)| text).unwrap_or_default();
            String::from_utf8_lossy(&text).into_owned()
        };
        Self::parse(info, &text)
    }

    /// `text` gives the text whose address and length are at these offsets.
    fn parse(info: &[u8], text: &dyn Fn(usize, usize) -> String) -> Self {
        let at = |offset| number(info, UNION + offset);
        let by = |offset| Some(types::of_attachment(at(offset)));
        let none = None::<String>;
        let (target, by) = match types::of(super::Kind::Link, number(info, 0)).as_str() {
            "raw_tracepoint" => (
                Target::Kernel {
                    name: text(UNION, UNION + 8),
                },
                none,
            ),
            "tracing" => {
                let (object, function) = (at(4), at(8));
                (Target::Btf { object, function }, by(0))
            }
            "cgroup" => (
                Target::Cgroup {
                    id: number64(info, UNION),
                },
                by(8),
            ),
            "iter" => (
                Target::Iterator {
                    over: text(UNION, UNION + 8),
                },
                none,
            ),
            "netns" => (Target::NetworkNamespace { inode: at(0) }, by(4)),
            "xdp" => (Target::Device { ifindex: at(0) }, none),
            "tcx" | "netkit" => (Target::Device { ifindex: at(0) }, by(4)),
            "struct_ops" => (Target::Map { id: at(0) }, none),
            "sockmap" => (Target::Map { id: at(0) }, by(4)),
            "netfilter" => {
                let priority = i32::from_ne_bytes(at(8).to_ne_bytes());
                let (family, hook) = (at(0), at(4));
                (
                    Target::Netfilter {
                        family,
                        hook,
                        priority,
                    },
                    none,
                )
            }
            "kprobe_multi" => (Target::Functions { count: at(8) }, none),
            "uprobe_multi" => {
                let path = text(UNION, UNION + 32);
                (
                    Target::File {
                        path,
                        count: at(36),
                    },
                    none,
                )
            }
            "perf_event" => {
                let name = || text(UNION + 8, UNION + 16);
                match at(0) {
                    1 => (
                        Target::File {
                            path: name(),
                            count: 1,
                        },
                        Some("uprobe".into()),
                    ),
                    2 => (
                        Target::File {
                            path: name(),
                            count: 1,
                        },
                        Some("uretprobe".into()),
                    ),
                    3 => (Target::Kernel { name: name() }, Some("kprobe".into())),
                    4 => (Target::Kernel { name: name() }, Some("kretprobe".into())),
                    5 => (Target::Kernel { name: name() }, Some("tracepoint".into())),
                    _ => (Target::Other, Some("perf_event".into())),
                }
            }
            _ => (Target::Other, none),
        };
        Self { target, by }
    }

    /// Whether what it was attached to is gone, or the link was detached: what `bpf.attached` of a
    /// pin says, by the same rule.
    pub fn is_gone(&self) -> bool {
        matches!(
            self.target,
            Target::Cgroup { id: 0 }
                | Target::NetworkNamespace { inode: 0 }
                | Target::Device { ifindex: 0 }
                | Target::Map { id: 0 }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(link_type: u32, words: &[u32]) -> Attachment {
        let mut info = [0u8; SIZE];
        info[..4].copy_from_slice(&link_type.to_ne_bytes());
        for (index, word) in words.iter().enumerate() {
            let offset = UNION + 4 * index;
            info[offset..offset + 4].copy_from_slice(&word.to_ne_bytes());
        }
        Attachment::parse(&info, &|address, length| format!("{address}+{length}"))
    }

    // Catches: a link that is called dead while it is attached, which rm --dead would remove.
    #[test]
    fn only_what_the_kernel_calls_gone_is_gone() {
        for link_type in [3, 5, 6, 9, 11, 13, 14] {
            assert!(parsed(link_type, &[]).is_gone(), "{link_type}");
            assert!(!parsed(link_type, &[7]).is_gone(), "{link_type}");
        }
        // The upper half of a cgroup's id.
        assert!(!parsed(3, &[0, 1]).is_gone());
        for link_type in [1, 2, 4, 7, 8, 10, 12, 15, 99] {
            assert!(!parsed(link_type, &[]).is_gone(), "{link_type}");
        }
    }

    // Catches: fields that are read at another one's place.
    #[test]
    fn fields_are_where_the_kernel_has_them() {
        let tcx = parsed(11, &[3, 46]);
        assert_eq!(tcx.target, Target::Device { ifindex: 3 });
        assert_eq!(tcx.by.as_deref(), Some("tcx_ingress"));
        assert_eq!(
            parsed(3, &[9, 0, 1]).by.as_deref(),
            Some("cgroup_inet_egress")
        );
        let hook = Target::Netfilter {
            family: 2,
            hook: 1,
            priority: -128,
        };
        assert_eq!(parsed(10, &[2, 1, -128i32 as u32]).target, hook);
        let file = Target::File {
            path: "16+48".into(),
            count: 5,
        };
        let mut words = [0; 10];
        words[9] = 5;
        assert_eq!(parsed(12, &words).target, file);
        let kprobe = parsed(7, &[3]);
        assert_eq!(
            kprobe.target,
            Target::Kernel {
                name: "24+32".into()
            }
        );
    }
}
