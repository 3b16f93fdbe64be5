//! Local times are those of the session's zone.

use super::super::fixture::Fixture;

#[tokio::test]
async fn texts_and_calendars_are_local() {
    let mut shop = Fixture::shop();
    for (zone, midnight, month, text, date, count) in [
        ("UTC", "725846400", "1993-01-01 00:00:00+00", "1993-01-01 00:00:00+00", "1993-01-01", "1"),
        (
            "Europe/Prague",
            "725842800",
            "1993-01-01 00:00:00+01",
            "1993-01-01 01:00:00+01",
            "1993-01-01",
            "0",
        ),
        (
            "America/New_York",
            "725864400",
            "1992-12-01 00:00:00-05",
            "1992-12-31 19:00:00-05",
            "1992-12-31",
            "1",
        ),
    ] {
        shop.settings.set("TimeZone", Some(&[zone.to_owned()]), false).expect("a zone");
        let sale = "FROM transfers WHERE idempotency_key = 'sale-0'";
        for (query, expected) in [
            ("SELECT extract(epoch FROM '1993-01-01'::timestamptz)::bigint".to_owned(), midnight),
            (
                "SELECT extract(epoch FROM '1993-01-01'::timestamp::timestamptz)::bigint"
                    .to_owned(),
                midnight,
            ),
            (format!("SELECT date_trunc('month', occurred_at)::text {sale}"), month),
            (format!("SELECT occurred_at::text {sale}"), text),
            (format!("SELECT occurred_at::date {sale}"), date),
            (format!("SELECT to_char(occurred_at, 'YYYY-MM-DD') {sale}"), date),
            (format!("SELECT count(*) {sale} AND occurred_at <= '1993-01-01'"), count),
            (format!("SELECT count(*) {sale} AND occurred_at = '1993-01-01 01:00+01'"), "1"),
        ] {
            assert_eq!(shop.value(&query).await, expected, "{zone}: {query}");
        }
    }
}
