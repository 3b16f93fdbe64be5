//! COPY … FROM STDIN as a client sees it: all or nothing, in pieces, and where its errors are.

use super::*;
use crate::Numeric;

const TRANSFERS: &str =
    "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN";

async fn total(shop: &mut Fixture) -> String {
    shop.run("SELECT count(*), sum(amount) FROM transfers").await.unwrap().rows[0].clone()
}

fn sales(keys: std::ops::Range<u32>) -> String {
    keys.map(|key| format!("shop\t{key}\tcash\tsales\t1\n")).collect()
}

#[tokio::test]
async fn a_copy_is_atomic_and_repeatable() {
    let mut shop = shop().await;
    let command = "COPY transfers (book, idempotency_key, debit_account, credit_account, amount, \
                   metadata) FROM STDIN WITH CSV HEADER";
    let data = "book,key,debit,credit,amount,metadata\n\
                shop,1,cash,sales,100,\"{\"\"a\"\": 1}\"\nshop,2,cash,sales,200.00,\n";
    for _ in 0..2 {
        assert_eq!(shop.copy(command, data).await.unwrap(), "COPY 2");
    }
    assert_eq!(total(&mut shop).await, "2|300");
    for bad in ["x", "0"] {
        let data = format!("x\nshop,3,cash,sales,1,\nshop,4,cash,sales,{bad},\n");
        let error = shop.copy(command, &data).await.unwrap_err();
        let place = format!("COPY transfers, line 3, column amount: \"{bad}\"");
        assert_eq!((error.context(), error.detail()), (Some(place.as_str()), None));
    }
    assert_eq!(total(&mut shop).await, "2|300");
}

#[tokio::test]
async fn an_error_names_line_column_and_value() {
    let mut shop = shop().await;
    shop.copy(TRANSFERS, "shop\told\tcash\tsales\t5\n").await.unwrap();
    let long = "y".repeat(150);
    let shown = format!("line 1: \"{}...\"", &long[..100]);
    let transfers = "transfers (book, idempotency_key, debit_account, credit_account, amount)";
    let cases = [
        (transfers, "shop\tk\tcash\tnobody\t1\n", "line 1, column credit_account: \"nobody\""),
        (transfers, "shop\tk\tnobody\tsales\t1\n", "line 1, column debit_account: \"nobody\""),
        (transfers, "shop\told\tcash\tsales\t6\n", "line 1, column idempotency_key: \"old\""),
        (transfers, "shop\tk\tcash\ttill\t1\n", "line 1, column credit_account: \"till\""),
        (transfers, "shop\tk\tcash\tsales\t1.5\n", "line 1, column amount: \"1.5\""),
        (transfers, "_x\tk\tcash\tsales\t1\n", "line 1, column book: \"_x\""),
        (transfers, "shop\tk\tcash\tsales\n", "line 1: \"shop\tk\tcash\tsales\""),
        (transfers, "shop\tk\tcash\tsales\t\\N\n", "line 1: \"shop\tk\tcash\tsales\t\\N\""),
        (transfers, long.as_str(), shown.as_str()),
        (transfers, "a\nb\r\n", "line 1: \"a\""),
        (
            "accounts (book, path, asset, kind)",
            "shop\tx\tEUR\tasset\n",
            "line 1, column asset: \"EUR\"",
        ),
        (
            "accounts (book, path, asset, kind)",
            "shop\tcash\tCZK\tincome\n",
            "line 1, column path: \"cash\"",
        ),
        (
            "accounts (book, path, asset, kind)",
            "shop\tx\tCZK\tbox\n",
            "line 1, column kind: \"box\"",
        ),
        ("assets (id, class, precision, name)", "CZK\tfiat\t3\tx\n", "line 1, column id: \"CZK\""),
        (
            "transactions (book, idempotency_key, postings)",
            "shop\tk\t[{\"account\": \"cash\", \"amount\": 1, \"direction\": \"debit\"}]\n",
            "line 1, column postings",
        ),
    ];
    for (target, data, place) in cases {
        let error = shop.copy(&format!("COPY {target} FROM STDIN"), data).await.unwrap_err();
        let table = target.split(' ').next().unwrap();
        let expected = format!("COPY {table}, {place}");
        assert_eq!(error.context(), Some(expected.as_str()), "{data}: {error}");
    }
    assert_eq!(total(&mut shop).await, "1|5");
}

#[tokio::test]
async fn a_copy_checks_its_header() {
    let mut shop = shop().await;
    let matching = "COPY accounts (book, path, asset, kind) FROM STDIN (FORMAT csv, HEADER match)";
    let cases = [
        ("book,path,asset,type", "header line field 4: got \"type\", expected \"kind\""),
        ("book,path,asset,", "header line field 4: got null value (\"\"), expected \"kind\""),
        ("book,path,asset", "wrong number of fields in header line: got 3, expected 4"),
    ];
    for (header, message) in cases {
        let error = shop.copy(matching, &format!("{header}\n")).await.unwrap_err();
        assert!(error.message().contains(message), "{error}");
        let context = format!("COPY accounts, line 1: \"{header}\"");
        assert_eq!(error.context(), Some(context.as_str()));
    }
    let tag = shop.copy(matching, "book,path,asset,kind\nshop,new,CZK,expense\n").await;
    assert_eq!(tag.unwrap(), "COPY 1");
}

#[tokio::test]
async fn null_and_empty_can_be_forced() {
    let mut shop = shop().await;
    let options =
        "FORMAT csv, NULL 'nil', FORCE_NULL (network, native_id), FORCE_NOT_NULL (network)";
    let command = format!(
        "COPY assets (id, class, precision, name, network, native_id) FROM STDIN ({options})"
    );
    // Written plain it stays a text where that is forced, and in quotes it becomes null.
    let data = "A,crypto,8,nil-,nil,\"nil\"\nB,crypto,8,x,\"nil\",nil\n";
    shop.copy(&command, data).await.unwrap();
    let seen = shop.run("SELECT id, network, native_id FROM assets WHERE id < 'C' ORDER BY id");
    assert_eq!(seen.await.unwrap().rows, ["A|nil|∅", "B|∅|∅"]);
}

#[tokio::test]
async fn a_copy_is_bounded_by_a_frame_unless_it_commits_in_pieces() {
    let mut shop = shop().await;
    let megabyte = "x".repeat(1_000_000);
    let mut copy = shop.start_copy("COPY assets FROM STDIN").await.unwrap();
    let mut outcome = Ok(());
    for _ in 0..70 {
        if outcome.is_ok() {
            outcome = copy.push(megabyte.as_bytes()).await;
        }
    }
    let error = outcome.unwrap_err();
    assert_eq!(*error.fault(), Fault::ProgramLimitExceeded);
    assert!(error.hint().unwrap().contains("commit_every"), "{error:?}");
}

#[tokio::test]
async fn pieces_are_committed_in_order_up_to_the_error() {
    let command = format!("{TRANSFERS} (commit_every 10)");
    // What is wrong in which row of 100, counted from 0, and how many are committed before it.
    let cases: [(usize, &str, u64); 5] = [
        (35, "shop\tbad\tcash\tsales\tx\n", 30),
        (35, "shop\tbad\tcash\tnobody\t1\n", 30),
        (9, "shop\tbad\tcash\tnobody\t1\n", 0),
        (0, "too\tfew\n", 0),
        (99, "shop\tbad\tsales\ttill\t1\n", 90),
    ];
    for (row, bad, committed) in cases {
        let mut shop = shop().await;
        let mut lines: Vec<String> = (0..100).map(|key| sales(key..key + 1)).collect();
        lines[row] = bad.to_owned();
        let error = match shop.copy(&command, &lines.concat()).await {
            // The till may take a debit from sales: here it is the amount that must fit.
            Ok(tag) => panic!("{bad} answered {tag}"),
            Err(error) => error,
        };
        let line = format!("COPY transfers, line {}", row + 1);
        assert!(error.context().unwrap().starts_with(&line), "{error:?}");
        let told = match committed {
            0 => "No rows were committed.".to_owned(),
            rows => {
                format!("{rows} rows were committed before it, up to line {rows}; nothing after.")
            }
        };
        assert!(error.detail().unwrap().ends_with(&told), "{error:?}");
        assert!(error.hint().unwrap().contains("again from the start is safe"), "{error:?}");
        let count = shop.run("SELECT count(*) FROM transfers").await.unwrap().rows;
        assert_eq!(count, [committed.to_string()]);
        // Again from the start, mended.
        lines[row] = sales(row as u32..row as u32 + 1);
        assert_eq!(shop.copy(&command, &lines.concat()).await.unwrap(), "COPY 100");
        assert_eq!(total(&mut shop).await, "100|100");
    }
}

#[tokio::test]
async fn pieces_tell_what_was_committed_when_the_client_gives_up() {
    let mut shop = shop().await;
    let mut copy = shop.start_copy(&format!("{TRANSFERS} (commit_every 10)")).await.unwrap();
    copy.push(sales(0..25).as_bytes()).await.unwrap();
    let committed = copy.abandon().await.unwrap().unwrap();
    assert_eq!((committed.rows, committed.line), (20, 20));
    assert_eq!(total(&mut shop).await, "20|20");

    let mut copy = shop.start_copy(TRANSFERS).await.unwrap();
    copy.push(sales(25..50).as_bytes()).await.unwrap();
    assert_eq!(copy.abandon().await.unwrap(), None);
    assert_eq!(total(&mut shop).await, "20|20");
}

#[tokio::test]
async fn pieces_are_refused_in_a_block() {
    let mut shop = shop().await;
    shop.run("BEGIN").await.unwrap();
    let error = shop.start_copy(&format!("{TRANSFERS} (commit_every 10)")).await.unwrap_err();
    assert_eq!(*error.fault(), Fault::ActiveBlock);
    assert_eq!(error.message(), "COPY with commit_every cannot run inside a transaction block");
    shop.run("ROLLBACK").await.unwrap();
    let error = shop.start_copy("COPY postings FROM STDIN (commit_every 10)").await.unwrap_err();
    assert_eq!(*error.fault(), Fault::FeatureNotSupported);
}

#[tokio::test]
async fn tuples_of_the_binary_format_are_rows_too() {
    let mut shop = shop().await;
    let tuple = |key: &str, amount| {
        let amount = Value::Numeric(Numeric::integer(amount));
        [text("shop"), text(key), text("cash"), text("sales"), amount]
    };
    for options in ["BINARY", "(FORMAT binary, commit_every 2)"] {
        let mut copy = shop.start_copy(&format!("{TRANSFERS} {options}")).await.unwrap();
        for key in ["a", "b", "c"] {
            copy.push_row(&tuple(key, 5), 40).await.unwrap();
        }
        assert_eq!(shop.finish_copy(copy).await.unwrap(), "COPY 3");
        assert_eq!(total(&mut shop).await, "3|15");
    }
    let mut copy = shop.start_copy(&format!("{TRANSFERS} BINARY")).await.unwrap();
    copy.push_row(&tuple("d", 5), 40).await.unwrap();
    let mut wrong = tuple("e", 5);
    wrong[0] = text("");
    let error = copy.push_row(&wrong, 40).await.unwrap_err();
    assert_eq!(error.context(), Some("COPY transfers, line 2, column book: \"\""));
}
