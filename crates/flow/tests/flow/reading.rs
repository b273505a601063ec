//! Both stores as one: figures, tables, series, events, traces; and what is said when a part is missing.

use flow::error::Error;
use flow::reading::{events, paths, series, stats, trace};
use model::reading::selection::RouteSelection;
use serde_json::{Value, json};
use sim::world::trouble::{Fault, Port, Trouble};
use sim::world::{Isolate, World};

use crate::support::{DUAL, drain, json, query, serve, serve_every, set_flag, stats_of, stored, total};

/// A world with 90 requests, of three routes, in both stores.
fn dual() -> (World, Isolate) {
    let world = World::new(1);
    set_flag(&world, DUAL);
    serve(&world, &world.isolate(), 0..90);
    drain(&world);
    let reader = world.isolate();
    (world, reader)
}

fn read(world: &World, reader: &Isolate, text: &str) -> Result<Value, Error> {
    world.run(stats::read(&query(text), &reader.app)).map(json)
}

#[test]
fn every_view_tells_the_same_of_both_stores() {
    let (world, reader) = dual();
    let all = read(&world, &reader, "range=1h").unwrap();
    assert_eq!(
        (&all["exact"], &all["total"]["requests"], &all["stores"]["both"]),
        (&json!(true), &json!(90), &json!(90))
    );
    let whole = json(world.run(stats::total(&query("range=1h"), &reader.app)).unwrap());
    assert_eq!((&whole["exact"], &whole["total"]), (&json!(true), &all["total"]));
    let table = json(world.run(paths::table(&query("range=1h"), &reader.app)).unwrap());
    let rows = table["paths"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["requests"].as_u64().unwrap()).sum::<u64>(), 90);
    let spark = |row: &Value| row["spark"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>();
    assert_eq!(rows.iter().map(spark).sum::<u64>(), 90);
    let points = json(world.run(series::read(RouteSelection::Together, &query("range=1h"), &reader.app)).unwrap());
    let sum = points["points"].as_array().unwrap().iter().map(|point| point["requests"].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum, &points["exact"]), (90, &json!(true)));
    let route = json(world.run(paths::route("/api/users".into(), &query("range=1h"), &reader.app)).unwrap());
    assert_eq!(route["figures"]["requests"], 30);
    let one = RouteSelection::One("/api/users".into());
    let points = json(world.run(series::read(one, &query("range=1h"), &reader.app)).unwrap());
    let sum = points["points"].as_array().unwrap().iter().map(|point| point["requests"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum, 30);
}

#[test]
fn the_table_is_sorted_searched_and_read_page_by_page() {
    let (world, reader) = dual();
    let table = |text: &str| json(world.run(paths::table(&query(text), &reader.app)).unwrap());
    let names = |table: &Value| -> Vec<String> {
        table["paths"].as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect()
    };
    let sorted = table("range=1h&sort=path");
    assert_eq!(names(&sorted), ["/", "/api/orders/{id}", "/api/users"]);
    assert_eq!(names(&table("range=1h&sort=path&order=desc")), ["/api/users", "/api/orders/{id}", "/"]);
    assert_eq!(names(&table("range=1h&search=orders")), ["/api/orders/{id}"]);
    let first = table("range=1h&sort=path&limit=2");
    let second = table(&format!("range=1h&sort=path&limit=2&cursor={}", first["next"].as_str().unwrap()));
    assert_eq!([names(&first), names(&second)].concat(), names(&sorted));
    // A range of days is read twice, by other intervals for the spark lines.
    assert_eq!(table("range=7d")["paths"].as_array().unwrap().len(), 3);
    let csv = world.run(paths::csv(&query("range=1h&sort=path"), &reader.app)).unwrap();
    assert_eq!((csv.lines().count(), csv.contains("/api/orders/{id}")), (4, true));
    let search = format!("search={}", "x".repeat(257));
    for text in ["sort=size", "order=up", "limit=0", "limit=1001", "cursor=x", &search, "range=2h"] {
        let refused = world.run(paths::table(&query(text), &reader.app)).err();
        assert!(matches!(refused, Some(Error::Input(_))), "{text}");
    }
}

#[test]
fn exemplars_are_real_requests_of_the_range() {
    let (world, reader) = dual();
    let chosen = json(world.run(paths::exemplars(&query("range=1h&path=/api/users"), &reader.app)).unwrap());
    assert!(!chosen["sample"].as_array().unwrap().is_empty() && !chosen["slowest"].as_array().unwrap().is_empty());
    let ids: Vec<String> = stored(&world, "old").iter().map(|event| event.idempotent_id.to_string()).collect();
    let known = |list: &Value| {
        list.as_array().unwrap().iter().all(|one| ids.contains(&one["idempotentId"].as_str().unwrap().into()))
    };
    assert!(known(&chosen["sample"]) && known(&chosen["slowest"]));
}

#[test]
fn without_a_store_an_answer_says_what_it_lacks_and_without_both_there_is_none() {
    let (world, reader) = dual();
    for fault in [Fault::Fails, Fault::Hangs] {
        world.break_all(&Port::D1, fault);
        let half = read(&world, &reader, "range=1h").unwrap();
        assert_eq!(
            (&half["exact"], &half["total"]["requests"], &half["stores"]["new"]),
            (&json!(false), &json!(90), &Value::Null)
        );
        assert_eq!((&half["missing"][0]["store"], &half["stores"]["both"]), (&json!("new"), &Value::Null));
        world.run(paths::csv(&query("range=1h"), &reader.app)).err().unwrap();
        world.break_all(&[Port::Ask], fault);
        assert!(matches!(read(&world, &reader, "range=1h"), Err(Error::Unavailable(_))), "{fault:?}");
        for store in ["old", "new"] {
            let refused = world.run(events::read(&query(&format!("store={store}")), &reader.app)).err();
            assert!(matches!(refused, Some(Error::Unavailable(_))));
        }
        world.calm();
        world.break_all(&[Port::Ask], fault);
        let half = read(&world, &reader, "range=1h").unwrap();
        assert_eq!(
            (&half["exact"], &half["total"]["requests"], &half["stores"]["old"]),
            (&json!(false), &json!(90), &Value::Null)
        );
        world.calm();
        world.pass_ms(2_000);
    }
    assert_eq!(read(&world, &reader, "range=1h").unwrap()["exact"], true);
    let refused = world.run(events::read(&query("store=both"), &reader.app)).err();
    assert!(matches!(refused, Some(Error::Input(_))));
}

#[test]
fn of_many_objects_the_ones_that_answer_are_summed_and_the_others_named() {
    let world = World::with(2, &[("COLLECTOR_SHARDS", "3")]);
    serve(&world, &world.isolate(), 0..120);
    drain(&world);
    assert_eq!(total(&world), 120);
    let shard = world.object_names().into_iter().find(|name| name != "default").unwrap();
    world.trouble(Trouble::new(Port::Ask, Fault::Fails).named(&shard));
    let part = stats_of(&world, "range=1h");
    assert!(part["missing"][0]["reason"].as_str().unwrap().contains(&shard), "{part:#}");
    let requests = part["total"]["requests"].as_u64().unwrap();
    assert!((20..120).contains(&requests) && part["exact"] == false, "{requests}");
}

#[test]
fn what_an_isolate_remembers_is_what_it_would_read() {
    let (world, reader) = dual();
    let isolate = world.isolate();
    for round in 0..6 {
        serve_every(&world, &isolate, 100 + round * 10..110 + round * 10, 200);
        world.pass_ms(30_000);
        if round == 3 {
            world.cron();
            world.restart("default");
        }
        let (known, fresh) = (read(&world, &reader, "range=1h").unwrap(), stats_of(&world, "range=1h"));
        assert_eq!(known, fresh, "{round}");
        assert_eq!(known["total"]["requests"], 90 + (round + 1) * 10);
    }
    // A database that was restored is another one: nothing that was remembered of it holds.
    let earlier = world.d1().copy();
    serve(&world, &isolate, 300..310);
    drain(&world);
    world.cron();
    read(&world, &reader, "range=1h").unwrap();
    world.d1().restore(&earlier);
    serve(&world, &isolate, 310..315);
    drain(&world);
    assert_eq!(read(&world, &reader, "range=1h").unwrap(), stats_of(&world, "range=1h"));
}

#[test]
fn repeats_on_both_paths_are_counted_once_at_every_range() {
    let world = World::new(3);
    let isolate = world.isolate();
    serve(&world, &isolate, 0..20);
    // The object takes them and says it did not: the queue has them as fallbacks, too.
    world.trouble(Trouble::new(Port::Ask, Fault::FailsAfterPersisting).named("default"));
    serve(&world, &isolate, 20..40);
    drain(&world);
    world.calm();
    world.cron();
    for range in ["range=15m", "range=1h", "range=6h", "range=24h", "range=7d", "range=30d"] {
        let stats = stats_of(&world, range);
        assert_eq!((&stats["exact"], &stats["total"]["requests"]), (&json!(true), &json!(40)), "{range}");
    }
}

#[test]
fn a_trace_tells_what_every_part_knows_of_an_id() {
    let (world, reader) = dual();
    let event = stored(&world, "old").remove(0);
    let id = event.idempotent_id.to_string();
    let traced = |id: &str| world.run(trace::read(id, &reader.app)).map(json);
    let found = traced(&id).unwrap();
    assert_eq!((found["old"].as_array().unwrap().len(), found["new"].as_array().unwrap().len()), (1, 1));
    assert_eq!((&found["cohort"], &found["flagVersion"], &found["missing"]), (&json!("dual"), &json!(1), &json!([])));
    assert_eq!(found["details"]["place"], "stores");
    let unknown = traced("1730956800000-00000000").unwrap();
    assert_eq!((&unknown["old"], &unknown["cohort"]), (&json!([]), &Value::Null));
    assert!(matches!(traced("no ID"), Err(Error::Input(_))));
    world.send(sim::world::Body::Text(format!("no JSON about {id}")));
    drain(&world);
    assert_eq!(traced(&id).unwrap()["deadLetters"].as_array().unwrap().len(), 1);
    world.break_all(&Port::D1, Fault::Fails);
    let half = traced(&id).unwrap();
    assert_eq!((&half["new"], &half["deadLetters"]), (&Value::Null, &Value::Null));
    // Without a bucket nothing is asked of the archive.
    assert_eq!(half["missing"].as_array().unwrap().len(), 2, "{half:#}");
    world.break_all(&[Port::Ask], Fault::Fails);
    assert!(matches!(traced(&id), Err(Error::Unavailable(_))));
}
