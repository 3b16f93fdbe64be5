//! The house in order: what may depend on what, one arrow, one DataFusion build, no leftovers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::repository;

/// DESIGN's table: each crate, and the crates of ours it may name.
const EDGES: [(&str, &[&str]); 8] = [
    ("ledger", &[]),
    ("store", &["ledger"]),
    ("sql", &["store", "ledger"]),
    ("server", &["sql"]),
    ("tallybook", &["server", "store"]),
    ("tests", &[]),
    ("store-bench", &["store"]),
    ("wire-bench", &[]),
];

/// What a crate must not know, by the start of a package name.
const FORBIDDEN: [(&str, &[&str]); 5] = [
    ("ledger", &["tokio", "arrow", "datafusion", "pgwire", "rand", "chrono", "serde_derive"]),
    ("store", &["tokio", "datafusion", "pgwire", "postgres", "sqlparser"]),
    ("sql", &["pgwire", "socket2"]),
    ("server", &["datafusion", "arrow", "sqlparser", "fs4"]),
    ("tallybook", &["datafusion", "arrow", "sqlparser", "pgwire"]),
];

#[test]
fn dependencies_follow_the_table() {
    let manifests = manifests();
    let members: BTreeSet<&str> = manifests.keys().map(String::as_str).collect();
    let listed: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(members, listed, "a crate joins the workspace by joining the table");
    for (name, allowed) in EDGES {
        for dependency in dependencies(&manifests[name], &["dependencies", "dev-dependencies"]) {
            let ours = members.contains(dependency.as_str());
            assert!(
                !ours || allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
    for (name, forbidden) in FORBIDDEN {
        for dependency in dependencies(&manifests[name], &["dependencies"]) {
            let word = forbidden.iter().find(|word| dependency.starts_with(*word));
            assert_eq!(word, None, "{name} must not know {dependency}");
        }
    }
    let ledger = dependencies(&manifests["ledger"], &["dependencies"]);
    assert_eq!(ledger, BTreeSet::from(["foldhash", "serde_json", "uuid"].map(str::to_owned)));
}

#[test]
fn there_is_one_arrow_and_one_sql_parser() {
    let lock = std::fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    let lock: toml::Table = lock.parse().unwrap();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let (name, version) =
            (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        let family = match name {
            "arrow-pg" => continue,
            "arrow" | "parquet" => "arrow",
            "sqlparser" | "pgwire" | "datafusion" | "chrono" | "tokio" => name,
            _ if name.starts_with("arrow-") => "arrow",
            _ => continue,
        };
        versions.entry(family).or_default().insert(version);
    }
    for family in ["arrow", "sqlparser", "pgwire", "datafusion"] {
        assert_eq!(versions.get(family).map(BTreeSet::len), Some(1), "{family}: {versions:?}");
    }
}

/// DataFusion takes minutes to compile. Whatever a command selects, it must select the same
/// features of everything below DataFusion, or it is compiled once more.
#[test]
fn every_selection_shares_one_datafusion_build() {
    let run = units_below_datafusion(&["build", "-p", "tallybook"]);
    assert!(run.len() > 100, "{run:#?}");
    for selection in [
        &["build", "-p", "sql"][..],
        &["test", "--no-run", "-p", "sql"],
        &["test", "--no-run", "-p", "server"],
        &["test", "--no-run", "--workspace"],
    ] {
        let units = units_below_datafusion(selection);
        let other: Vec<&String> = units.symmetric_difference(&run).collect();
        assert!(other.is_empty(), "cargo {selection:?} compiles DataFusion again: {other:#?}");
    }
}

/// What cargo would compile for DataFusion, each with its features. Only cargo itself knows, and
/// it tells on its unstable channel; if that ever changes, this test says so.
fn units_below_datafusion(selection: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(selection)
        .args(["--release", "--offline", "--locked", "--unit-graph", "-Z", "unstable-options"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let graph: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let units = graph["units"].as_array().unwrap();
    let is_datafusion = |unit: &serde_json::Value| {
        unit["target"]["name"] == "datafusion" && unit["mode"] == "build"
    };
    let mut waiting: Vec<usize> =
        (0..units.len()).filter(|index| is_datafusion(&units[*index])).collect();
    let mut seen = BTreeSet::new();
    while let Some(index) = waiting.pop() {
        if seen.insert(index) {
            let dependencies = units[index]["dependencies"].as_array().unwrap();
            waiting
                .extend(dependencies.iter().map(|next| next["index"].as_u64().unwrap() as usize));
        }
    }
    let name = |index: usize| {
        let unit = &units[index];
        format!(
            "{} {} for {} with {}",
            unit["pkg_id"], unit["mode"], unit["platform"], unit["features"]
        )
    };
    seen.into_iter().map(name).collect()
}

#[test]
fn sources_say_what_they_own_and_leave_nothing_behind() {
    let leftovers = [
        concat!("db", "g!("),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
        concat!("FIX", "ME"),
        concat!("un", "safe {"),
    ];
    let waiting = concat!("sle", "ep(");
    let mut problems = Vec::new();
    for path in files(&["crates", "tests", "bench"], "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(repository()).unwrap().display();
        let opening = text.lines().next().unwrap_or_default();
        if !opening.starts_with("//! ") {
            problems.push(format!("{name} does not open with what it owns"));
        }
        if text.lines().count() > 800 {
            problems.push(format!("{name} has more than 800 lines"));
        }
        for leftover in leftovers.iter().filter(|leftover| text.contains(**leftover)) {
            problems.push(format!("{name} holds {leftover}"));
        }
        if name.to_string().contains("tests") && text.contains(waiting) {
            problems.push(format!("{name} waits for a fixed time"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in files(&["docs", "sql", "bench"], "md").into_iter().chain(files_of_root("md")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !path.parent().unwrap().join(target).exists() {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn manifests() -> BTreeMap<String, toml::Table> {
    let paths = files(&["crates", "tests", "bench"], "toml");
    let manifests = paths.into_iter().filter(|path| path.ends_with("Cargo.toml"));
    manifests
        .map(|path| {
            let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
            (table["package"]["name"].as_str().unwrap().to_owned(), table)
        })
        .collect()
}

fn dependencies(manifest: &toml::Table, sections: &[&str]) -> BTreeSet<String> {
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

fn files(dirs: &[&str], extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for dir in dirs {
        walk(&repository().join(dir), extension, &mut found);
    }
    found
}

fn files_of_root(extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// Directories that are not there yet hold nothing.
fn walk(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}
