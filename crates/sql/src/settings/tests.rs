//! Settings: what they take, how they print, what they fall back to.

use super::*;

const QUERY_BYTES: usize = 256 << 20;

fn settings() -> SessionSettings {
    SessionSettings::new("tester".to_owned(), "tallybook".to_owned(), QUERY_BYTES, &[]).unwrap()
}

fn set(settings: &mut SessionSettings, name: &str, value: &str, local: bool) -> Result<()> {
    settings.set(name, Some(&[value.to_owned()]), local)
}

#[test]
fn values_are_checked_and_printed_as_in_postgres() {
    let cases = [
        ("statement_timeout", "5000", "5s"),
        ("statement_timeout", "90s", "90s"),
        ("statement_timeout", "120000", "2min"),
        ("statement_timeout", "0", "0"),
        ("DATESTYLE", "iso", "ISO, MDY"),
        ("datestyle", "ISO, DMY", "ISO, DMY"),
        ("client_encoding", "utf-8", "UTF8"),
        ("timezone", "europe/prague", "Europe/Prague"),
        ("timezone", "2", "Etc/GMT-2"),
        ("standard_conforming_strings", "true", "on"),
        ("default_transaction_read_only", "yes", "on"),
        ("extra_float_digits", "3", "3"),
        ("client_min_messages", "WARNING", "warning"),
        ("application_name", "psql\n", "psql?"),
        ("search_path", "public, pg_catalog", "public, pg_catalog"),
        ("tallybook.book", "berka", "berka"),
        ("myapp.user", "42", "42"),
        ("work_mem", "65536", "64MB"),
        ("work_mem", "100 kB", "100kB"),
        ("work_mem", "256MB", "256MB"),
        ("work_mem", "65536B", "64kB"),
    ];
    for (name, value, shown) in cases {
        let mut settings = settings();
        set(&mut settings, name, value, false).unwrap();
        assert_eq!(settings.get(name).unwrap(), shown, "{name} = {value}");
    }
}

#[test]
fn what_is_no_value_is_refused() {
    let cases = [
        ("nothing", "1", Fault::UndefinedObject),
        ("tallybook.nothing", "1", Fault::UndefinedObject),
        ("statement_timeout", "5 parsecs", Fault::InvalidParameterValue),
        ("statement_timeout", "-1", Fault::InvalidParameterValue),
        ("DateStyle", "German", Fault::InvalidParameterValue),
        ("client_encoding", "LATIN1", Fault::InvalidParameterValue),
        ("timezone", "Mars/Olympus", Fault::InvalidParameterValue),
        ("standard_conforming_strings", "off", Fault::InvalidParameterValue),
        ("bytea_output", "escape", Fault::InvalidParameterValue),
        ("extra_float_digits", "4", Fault::InvalidParameterValue),
        ("server_version", "16", Fault::InvalidParameterValue),
        ("tallybook.book", "_system", Fault::InvalidName),
        ("tallybook.as_of", "long ago", Fault::InvalidParameterValue),
        ("tallybook.as_of", "infinity", Fault::InvalidParameterValue),
        ("tallybook.as_of_lsn", "-1", Fault::InvalidParameterValue),
        ("tallybook.as_of_lsn", "1.5", Fault::InvalidParameterValue),
        ("work_mem", "much", Fault::InvalidParameterValue),
        ("work_mem", "63kB", Fault::InvalidParameterValue),
        ("work_mem", "257MB", Fault::InvalidParameterValue),
        ("work_mem", "99999999999999TB", Fault::InvalidParameterValue),
        ("role", "admin", Fault::FeatureNotSupported),
    ];
    for (name, value, fault) in cases {
        let error = set(&mut settings(), name, value, false).unwrap_err();
        assert_eq!(*error.fault(), fault, "{name} = {value}");
    }
}

#[test]
fn a_block_keeps_drops_or_undoes_what_it_sets() {
    let begin = || {
        let mut settings = settings();
        settings.begin_block(Isolation::ReadCommitted, false);
        set(&mut settings, "application_name", "session", false).unwrap();
        set(&mut settings, "statement_timeout", "1s", true).unwrap();
        assert_eq!(settings.get("statement_timeout").unwrap(), "1s");
        settings
    };
    let mut committed = begin();
    committed.commit_block();
    assert_eq!(committed.get("application_name").unwrap(), "session");
    assert_eq!(committed.get("statement_timeout").unwrap(), "0");
    let mut rolled_back = begin();
    rolled_back.roll_back_block();
    assert_eq!(rolled_back.get("application_name").unwrap(), "");
    assert_eq!(rolled_back.get("statement_timeout").unwrap(), "0");
}

#[test]
fn clients_are_told_what_changed_once() {
    let mut settings = settings();
    assert!(settings.drain_changes().is_empty());
    set(&mut settings, "application_name", "a", false).unwrap();
    set(&mut settings, "statement_timeout", "1s", false).unwrap();
    let changes = settings.drain_changes();
    assert_eq!(changes, [("application_name".to_owned(), "a".to_owned())]);
    assert!(settings.drain_changes().is_empty());
    settings.reset_all();
    assert_eq!(settings.drain_changes(), [("application_name".to_owned(), String::new())]);
}

#[test]
fn a_session_starts_with_what_its_client_asks_for() {
    let startup = [
        ("TimeZone".to_owned(), "Europe/Prague".to_owned()),
        (
            "options".to_owned(),
            "-c statement_timeout=5s --search-path=a\\ b -csearch_path=public".to_owned(),
        ),
    ];
    let started =
        SessionSettings::new("tester".to_owned(), "tallybook".to_owned(), QUERY_BYTES, &startup);
    let mut started = started.unwrap();
    assert_eq!(started.time_zone(), Tz::Europe__Prague);
    assert_eq!(started.search_path(), ["public"]);
    assert_eq!(started.timeouts().statement, Some(Duration::from_secs(5)));
    set(&mut started, "TimeZone", "UTC", false).unwrap();
    started.reset("timezone").unwrap();
    assert_eq!(started.get("timezone").unwrap(), "Europe/Prague");
    let wrong = [("options".to_owned(), "nonsense".to_owned())];
    assert!(SessionSettings::new("a".to_owned(), "b".to_owned(), QUERY_BYTES, &wrong).is_err());
    let reported = started.reported();
    let has =
        |name: &str, value: &str| reported.iter().any(|(told, what)| told == name && what == value);
    assert!(has("session_authorization", "tester") && has("server_version", "15.18"));
}

#[test]
fn search_paths_are_lists_of_names() {
    let cases: [(&[&str], &str, &[&str]); 5] = [
        (&["public"], "public", &["public"]),
        (&["$user", "public"], "\"$user\", public", &["$user", "public"]),
        (&["My Schema"], "\"My Schema\"", &["My Schema"]),
        (&["\"$user\", public"], "\"$user\", public", &["$user", "public"]),
        (&[""], "", &[]),
    ];
    for (values, shown, names) in cases {
        let mut settings = settings();
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        settings.set("search_path", Some(&values), false).unwrap();
        assert_eq!(settings.get("search_path").unwrap(), shown, "{values:?}");
        assert_eq!(settings.search_path(), names, "{values:?}");
    }
}

#[test]
fn definitions_stand_in_order_of_their_names() {
    let names: Vec<String> =
        DEFINITIONS.iter().map(|definition| definition.name.to_lowercase()).collect();
    assert!(names.is_sorted());
}
