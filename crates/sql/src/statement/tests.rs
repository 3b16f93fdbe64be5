//! What a text is read as, and how syntax errors are worded and placed.

use super::*;

fn kinds(text: &str) -> Vec<StatementKind> {
    parse(text).unwrap().iter().map(Statement::kind).collect()
}

#[test]
fn texts_are_split_and_classified() {
    use StatementKind::*;
    let cases: [(&str, &[StatementKind]); 28] = [
        ("", &[]),
        (" ; -- nothing\n;/* at all */", &[]),
        ("SELECT 1; SELECT ';'", &[Query, Query]),
        ("WITH a AS (SELECT 1) SELECT * FROM a", &[Query]),
        ("VALUES (1), (2)", &[Query]),
        ("TABLE accounts", &[Query]),
        ("(SELECT 1) UNION SELECT 2", &[Query]),
        ("EXPLAIN SELECT 1", &[Query]),
        ("EXPLAIN (ANALYZE, COSTS off) SELECT 1", &[Query]),
        ("INSERT INTO a (b) VALUES ($1) RETURNING c", &[Insert]),
        ("insert into a default values", &[Insert]),
        ("COPY a FROM STDIN", &[CopyFrom]),
        ("BEGIN; COMMIT; ROLLBACK", &[Begin, Commit, Rollback]),
        ("begin isolation level serializable, read only; end", &[Begin, Commit]),
        ("START TRANSACTION READ WRITE; ABORT WORK", &[Begin, Rollback]),
        ("SET a.b = 1; RESET ALL; SET TIME ZONE 'UTC'", &[Command, Command, Command]),
        ("SHOW TRANSACTION ISOLATION LEVEL; SHOW ALL", &[Show, Show]),
        ("DISCARD ALL; DEALLOCATE ALL; DEALLOCATE \"S_1\"", &[DiscardAll, Command, Command]),
        ("CLOSE ALL; UNLISTEN *; DISCARD PLANS", &[CloseCursor, Command, Command]),
        (
            "DECLARE c CURSOR FOR SELECT 1; FETCH c; MOVE ALL IN c; CLOSE c",
            &[Declare { is_hold: false }, Fetch, Fetch, CloseCursor],
        ),
        ("COPY a TO STDOUT; COPY (SELECT 1) TO STDOUT", &[CopyTo, CopyTo]),
        ("UPDATE accounts SET closed = true; UPDATE assets SET id = 1", &[Update, Unsupported]),
        ("CREATE TABLE x (a int)", &[Unsupported]),
        ("SELECT * FROM a FOR UPDATE; SELECT 1 INTO x", &[Unsupported, Unsupported]),
        (
            "SAVEPOINT a; ROLLBACK TO a; RELEASE SAVEPOINT \"A\"",
            &[Savepoint, RollbackToSavepoint, ReleaseSavepoint],
        ),
        ("ROLLBACK WORK TO SAVEPOINT a; RELEASE a", &[RollbackToSavepoint, ReleaseSavepoint]),
        (
            "PREPARE x (int, numeric) AS SELECT $1; EXECUTE x (1, f(2)); EXECUTE y",
            &[Command, Execute, Execute],
        ),
        ("WITH a AS (INSERT INTO b VALUES (1) RETURNING c) SELECT * FROM a", &[Unsupported]),
    ];
    for (text, expected) in cases {
        assert_eq!(kinds(text), expected, "{text}");
    }
}

#[test]
fn syntax_errors_are_worded_and_placed_as_in_postgres() {
    let cases = [
        ("SELCT 1", "syntax error at or near \"SELCT\"", 1),
        ("SELECT 1;\n  FOO", "syntax error at or near \"FOO\"", 13),
        ("SELECT (1", "syntax error at end of input", 10),
        ("SELECT * FROM a WHERE", "syntax error at end of input", 22),
        ("SELECT 'é' FROM )", "syntax error at or near \")\"", 17),
        ("SELECT 'abc", "unterminated quoted string at or near \"'abc\"", 8),
        ("SELECT 1 1", "syntax error at or near \"1\"", 10),
        ("BEGIN nonsense", "syntax error at or near \"nonsense\"", 7),
        ("SET a", "syntax error at end of input", 6),
        ("INSERT INTO a VALUES (1,)", "syntax error at or near \")\"", 25),
    ];
    for (text, message, position) in cases {
        let error = parse(text).unwrap_err();
        assert_eq!(*error.fault(), Fault::SyntaxError, "{text}");
        assert_eq!(error.message(), message, "{text}");
        assert_eq!(error.position(), Some(position), "{text}");
    }
}

#[test]
fn refusals_point_to_another_way() {
    let cases = [
        ("UPDATE transactions SET metadata = '{}'", "Post a reversal"),
        ("DELETE FROM postings", "Post a reversal"),
        ("DELETE FROM accounts", "SET closed = true"),
        ("TRUNCATE transfers", "Post a reversal"),
        ("COPY a TO '/tmp/a'", "\\copy"),
        ("SELECT * FROM a FOR UPDATE", "min_balance"),
    ];
    for (text, word) in cases {
        match parse(text).unwrap().remove(0).body {
            Body::Unsupported(error) => {
                assert_eq!(*error.fault(), Fault::FeatureNotSupported, "{text}");
                assert!(error.hint().unwrap_or_default().contains(word), "{text}: {error:?}");
            }
            other => panic!("{text} was read as {other:?}"),
        }
    }
}

#[test]
fn nesting_is_bounded_and_breadth_is_not() {
    let deep = [
        format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT 1{}", " + 1".repeat(5_000)),
        format!("SELECT 1 WHERE a{}", " OR a".repeat(5_000)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(5_000)),
        format!("SELECT {}1", "- ".repeat(5_000)),
        format!("SELECT {}true", "NOT ".repeat(5_000)),
    ];
    for text in deep {
        let error = parse(&text).unwrap_err();
        assert_eq!(*error.fault(), Fault::ProgramLimitExceeded, "{}", &text[..40]);
    }
    let row = "('b', 'k' || 1, 'x'::text)";
    let wide = [
        format!("INSERT INTO a VALUES {}", vec![row; 5_000].join(", ")),
        format!("SELECT 1 WHERE a IN ({})", vec!["1"; 5_000].join(", ")),
        format!("SELECT 1 WHERE a{}", " OR a".repeat(900)),
    ];
    for text in wide {
        assert_eq!(parse(&text).unwrap().len(), 1, "{}", &text[..40]);
    }
}

#[test]
fn commands_are_read_with_what_they_say() {
    let set = |name: &str, values: Option<&[&str]>, scope| {
        let values = values.map(|values| values.iter().map(|v| (*v).to_owned()).collect());
        SettingCommand::Set { name: name.to_owned(), values, scope }
    };
    let cases = [
        ("SET a = 'b'", set("a", Some(&["b"]), Scope::Session)),
        ("SET SESSION a TO b, 'C'", set("a", Some(&["b", "C"]), Scope::Session)),
        ("SET LOCAL a.b = -5", set("a.b", Some(&["-5"]), Scope::Local)),
        ("SET a TO DEFAULT", set("a", None, Scope::Session)),
        (
            "SET TIME ZONE 'Europe/Prague'",
            set("timezone", Some(&["Europe/Prague"]), Scope::Session),
        ),
        ("SET TIME ZONE LOCAL", set("timezone", None, Scope::Session)),
        ("SET NAMES 'UTF8'", set("client_encoding", Some(&["UTF8"]), Scope::Session)),
        ("SET ROLE NONE", set("role", Some(&["NONE"]), Scope::Session)),
        ("SET SESSION AUTHORIZATION DEFAULT", set("session_authorization", None, Scope::Session)),
        ("RESET TIME ZONE", SettingCommand::Reset { name: "timezone".to_owned() }),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            SettingCommand::SetDefaultModes(BlockModes { isolation: None, read_only: Some(true) }),
        ),
        (
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            SettingCommand::SetTransaction(BlockModes {
                isolation: Some(Isolation::RepeatableRead),
                read_only: None,
            }),
        ),
    ];
    for (text, expected) in cases {
        match parse(text).unwrap().remove(0).body {
            Body::Setting(command) => assert_eq!(command, expected, "{text}"),
            other => panic!("{text} was read as {other:?}"),
        }
    }
}

#[test]
fn parameters_are_numbered_as_a_client_can_bind_them() {
    for (text, code) in [
        ("SELECT $0", Fault::UndefinedParameter),
        ("SELECT $65536", Fault::UndefinedParameter),
        ("SELECT $99999999999999999999999", Fault::UndefinedParameter),
        ("SELECT :x", Fault::SyntaxError),
    ] {
        assert_eq!(parse(text).unwrap_err().fault(), &code, "{text}");
    }
    assert!(parse("SELECT $65535").is_ok());
}

#[test]
fn arithmetic_in_a_row_is_bounded() {
    let sum = |terms: usize| vec!["1"; terms].join(" + ");
    let conditions = vec!["seq = -1"; 300].join(" OR ");
    for text in [
        format!("SELECT {}", sum(101)),
        format!("SELECT {}, {}", sum(90), sum(90)),
        format!("SELECT 1 FROM postings WHERE {conditions}"),
        format!("VALUES {}", vec!["(-1, -2)"; 500].join(", ")),
    ] {
        assert!(parse(&text).is_ok(), "{text}");
    }
    for text in [
        format!("SELECT {}", sum(102)),
        format!("SELECT {}1{}", "(1 + ".repeat(101), ")".repeat(101)),
    ] {
        assert_eq!(parse(&text).unwrap_err().fault(), &Fault::ProgramLimitExceeded, "{text}");
    }
}
