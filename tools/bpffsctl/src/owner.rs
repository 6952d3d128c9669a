// SPDX-License-Identifier: GPL-2.0

//! Whose a process is, by its cgroup: a unit of systemd or a container.

use std::fmt;

use serde::Serialize;

/// A unit of systemd, or a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// By its name, with the suffix.
    Unit(String),
    /// By the name or id that its manager knows it by.
    Container {
        /// Such as `docker`, `podman`, `nspawn`.
        manager: &'static str,
        /// Ids are whole here.
        name: String,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(name) => f.write_str(name),
            Self::Container { manager, name } => {
                let id = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
                let shown = if id {
                    name.get(..12).unwrap_or(name)
                } else {
                    name
                };
                write!(f, "{manager} container {shown}")
            }
        }
    }
}

/// `\x2d` and the like in the names of units.
fn unescape(name: &str) -> String {
    let mut plain = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        plain.push_str(before);
        match after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        {
            Some(byte) if byte.is_ascii() => {
                plain.push(byte.into());
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                plain.push_str("\\x");
                rest = after;
            }
        }
    }
    plain + rest
}

/// The prefixes of scopes that managers of containers make, before the name or id.
const SCOPES: [(&str, &str); 8] = [
    ("machine-", "nspawn"),
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("crun-", "crun"),
    ("runc-", "runc"),
    ("cri-containerd-", "containerd"),
    ("crio-", "cri-o"),
    ("nerdctl-", "nerdctl"),
];

fn container(component: &str) -> Option<Owner> {
    let found = |manager, name: &str| {
        let name = unescape(name);
        Some(Owner::Container { manager, name })
    };
    if let Some(scope) = component.strip_suffix(".scope") {
        return SCOPES.iter().find_map(|(prefix, manager)| {
            found(
                manager,
                scope.strip_prefix(prefix).filter(|name| !name.is_empty())?,
            )
        });
    }
    if let Some(name) = component.strip_prefix("lxc.payload.") {
        return found("lxc", name);
    }
    let name = component.strip_suffix(".service")?;
    found("nspawn", name.strip_prefix("systemd-nspawn@")?)
}

/// Of a cgroup's path, the innermost that says something; what a container has inside of it, such
/// as units of its own systemd, is the container's.
fn of_path(path: &str) -> Option<Owner> {
    let components = || path.split('/').filter(|component| !component.is_empty());
    // Without systemd, docker makes /docker/ID.
    if let Some(id) = path.strip_prefix("/docker/") {
        let name = id.split('/').next().unwrap_or(id).into();
        return Some(Owner::Container {
            manager: "docker",
            name,
        });
    }
    components().find_map(container).or_else(|| {
        components()
            .filter(|component| {
                [".service", ".scope", ".mount", ".socket", ".swap"]
                    .iter()
                    .any(|suffix| component.ends_with(suffix))
            })
            .next_back()
            .map(|unit| Owner::Unit(unescape(unit)))
    })
}

/// Whose a process is, by what `/proc/PID/cgroup` says.
pub fn parse(text: &str) -> Option<Owner> {
    let path = |line: &str| line.splitn(3, ':').nth(2).map(str::to_owned);
    let unified = text.lines().find(|line| line.starts_with("0::"));
    let systemd = text.lines().find(|line| line.contains(":name=systemd:"));
    [unified, systemd]
        .into_iter()
        .flatten()
        .find_map(|line| of_path(&path(line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        parse(text)
            .map(|owner| owner.to_string())
            .unwrap_or_default()
    }

    // Catches: a container that is called by its slice, or a unit inside a container by its own name.
    #[test]
    fn owners_are_recognised() {
        let id = "0123456789abcdef".repeat(4);
        for (text, owner) in [
            ("0::/system.slice/ssh.service\n", "ssh.service"),
            ("0::/init.scope\n", "init.scope"),
            ("0::/\n", ""),
            (
                "0::/user.slice/user-0.slice/user@0.service/app.slice/agent.service",
                "agent.service",
            ),
            (
                "0::/system.slice/systemd-nspawn@box.service/payload/system.slice/a.service",
                "nspawn container box",
            ),
            (
                "0::/machine.slice/machine-my\\x2dbox.scope/payload",
                "nspawn container my-box",
            ),
            (
                "0::/user.slice/crun-web.scope/container",
                "crun container web",
            ),
            ("0::/lxc.payload.db/init.scope", "lxc container db"),
            (
                &format!("0::/system.slice/docker-{id}.scope"),
                "docker container 0123456789ab",
            ),
            (&format!("0::/docker/{id}"), "docker container 0123456789ab"),
            (
                &format!("0::/machine.slice/libpod-{id}.scope/container"),
                "podman container 0123456789ab",
            ),
            (
                "12:pids:/x\n1:name=systemd:/system.slice/a.service\n0::/\n",
                "a.service",
            ),
        ] {
            assert_eq!(shown(text), owner, "{text}");
        }
    }
}
