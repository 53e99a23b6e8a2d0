//! Lists that have a name in `tools.egress.presets`. Pure.
//!
//! Reading from these hosts is what they are for; some can be written to as well, by who has an
//! account there, so a list is a help and no seal.

use crate::config::Preset;

/// Where packages of the common languages and systems come from.
const PACKAGES: &[&str] = &[
    // Python
    "pypi.org",
    "files.pythonhosted.org",
    "repo.anaconda.com",
    "conda.anaconda.org",
    // JavaScript
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "repo.yarnpkg.com",
    "nodejs.org",
    "jsr.io",
    "npm.jsr.io",
    // Rust
    "crates.io",
    "index.crates.io",
    "static.crates.io",
    "static.rust-lang.org",
    // Go
    "proxy.golang.org",
    "sum.golang.org",
    "go.dev",
    // Ruby, PHP, .NET, Erlang, Haskell, Perl
    "rubygems.org",
    "index.rubygems.org",
    "packagist.org",
    "repo.packagist.org",
    "api.nuget.org",
    "hex.pm",
    "repo.hex.pm",
    "hackage.haskell.org",
    "www.cpan.org",
    // Java
    "repo.maven.apache.org",
    "repo1.maven.org",
    "plugins.gradle.org",
    "services.gradle.org",
    // Systems
    "deb.debian.org",
    "security.debian.org",
    "archive.ubuntu.com",
    "security.ubuntu.com",
    "ports.ubuntu.com",
    "dl-cdn.alpinelinux.org",
    "formulae.brew.sh",
];

/// Where code is kept.
const CODE: &[&str] = &[
    "github.com",
    "*.github.com",
    "*.githubusercontent.com",
    "gitlab.com",
    "*.gitlab.com",
    "codeberg.org",
    "bitbucket.org",
    "*.bitbucket.org",
    "git.sr.ht",
];

/// The entries of a preset, as they could stand in `tools.egress.allow`.
#[must_use]
pub fn entries(preset: Preset) -> &'static [&'static str] {
    match preset {
        Preset::Packages => PACKAGES,
        Preset::Code => CODE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::rule::Rule;

    #[test]
    fn every_entry_of_a_preset_is_one() {
        for preset in [Preset::Packages, Preset::Code] {
            for entry in entries(preset) {
                assert!(entry.parse::<Rule>().is_ok(), "{entry}");
            }
        }
    }
}
