//! The conversations people have: a question, work with real tools, an answer that grows in place.

use super::{gateway, texts};
use crate::egress::in_world;
use serde_json::json;
use std::process::Command;
use tests::net::{SITE, World};
use tests::telegram::Drafts;
use tests::{Gate, Shown, turn};

/// A wheel with one function, a package with a tiny server, and what Bitcoin costs.
const LAY_OUT: &str = r#"
set -e
site=$1
mkdir -p www/simple/pricefetch www/price work/rest && cd work
echo '{"bitcoin": {"usd": 97123.45}}' > ../www/price/btc.json
python3 - <<'END'
import zipfile
with zipfile.ZipFile("../www/files/pricefetch-1.0-py3-none-any.whl", "w") as wheel:
    info = "pricefetch-1.0.dist-info/"
    wheel.writestr("pricefetch.py", """import json, urllib.request
def get(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)
""")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: pricefetch\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "")
END
name=pricefetch-1.0-py3-none-any.whl
echo "<a href=\"/files/$name\">$name</a>" > ../www/simple/pricefetch/index.html
cd rest && mkdir package
echo '{"name":"minirest","version":"1.0.0"}' > package/package.json
cat > package/index.js <<'END'
const http = require("http");
exports.serve = (routes, port) => http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    const route = routes[`${request.method} ${request.url}`];
    response.statusCode = route ? 200 : 404;
    response.end(JSON.stringify(route ? route(body && JSON.parse(body)) : { error: "not found" }));
  });
}).listen(port, "127.0.0.1");
END
tar czf ../../www/files/minirest-1.0.0.tgz package
sum=$(sha1sum ../../www/files/minirest-1.0.0.tgz | cut -d' ' -f1)
cat > ../../www/npm/minirest <<END
{"name":"minirest","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"minirest","version":"1.0.0",
"dist":{"tarball":"https://$site/files/minirest-1.0.0.tgz","shasum":"$sum"}}}}
END
"#;

async fn world() -> Option<World> {
    let world = World::start().await?;
    let laid = Command::new("bash")
        .args(["-c", LAY_OUT, "lay-out", SITE])
        .current_dir(world.www())
        .output()
        .unwrap();
    assert!(laid.status.success(), "{laid:?}");
    Some(world)
}

#[tokio::test]
async fn a_message_is_answered_once() {
    let gateway = gateway(|_| {}).await;
    gateway.model.script([turn().says("Hello **Alice**.")]);
    let alice = gateway.telegram().person("Alice");
    alice.says("hi there").await;
    let answer = alice.sees("Hello Alice.").await;
    assert_eq!(answer.marks("Alice"), ["bold"]);
    assert!(gateway.model.request(0).last_user().contains("hi there"));
    gateway.telegram().all_confirmed().await;
    gateway.telegram().is_idle().await;
    assert_eq!(alice.transcript(), ["Alice: hi there", "bot: Hello Alice."]);
}

#[tokio::test]
async fn a_script_that_fetches_the_price_of_bitcoin_is_written_and_run() {
    let Some(world) = world().await else {
        return;
    };
    let gateway = in_world(&world).await.telegram(|_| {}).start().await;
    let script = format!(
        "from pricefetch import get\n\
         price = get(\"https://{SITE}/price/btc.json\")[\"bitcoin\"][\"usd\"]\n\
         print(f\"BTC {{price:,.2f}} USD\")\n"
    );
    let install = format!(
        "python3 -m pip install -q --disable-pip-version-check \
         --index-url https://{SITE}/simple/ --target lib pricefetch"
    );
    gateway.model.script([
        turn().says("I will write it.").calls(
            "write",
            json!({ "path": "bitcoin_price.py", "content": script }),
        ),
        turn().calls("exec", json!({ "command": install })),
        turn().calls(
            "exec",
            json!({ "command": "PYTHONPATH=lib python3 bitcoin_price.py" }),
        ),
        turn().says("It works: Bitcoin is at **$97,123.45**. The script is `bitcoin_price.py`."),
    ]);
    let alice = gateway.telegram().person("Alice");
    let asked = "Write a Python script to fetch Bitcoin price and run it";
    alice.says(asked).await;
    let answer = "It works: Bitcoin is at $97,123.45. The script is bitcoin_price.py.";
    let shown = alice.sees(answer).await;
    assert_eq!(shown.marks("$97,123.45"), ["bold"]);
    assert_eq!(shown.marks("bitcoin_price.py"), ["code"]);
    let outputs = gateway.model.last().tool_outputs("exec");
    assert_eq!(outputs[1], "BTC 97,123.45 USD\n");
    assert_eq!(gateway.read("bitcoin_price.py"), script);
    let asked_of_site = world.asked();
    for page in ["/simple/pricefetch/", "/price/btc.json"] {
        assert!(
            asked_of_site.iter().any(|asked| asked.ends_with(page)),
            "{asked_of_site:?}"
        );
    }
    // What was seen of the work is gone; what is left is the answer, once.
    alice
        .sees_where("the answer alone", |chat| texts(chat) == [answer])
        .await;
    assert!(alice.actions("typing") > 0);
}

#[tokio::test]
async fn a_rest_api_is_built_installed_started_and_tried() {
    let Some(world) = world().await else {
        return;
    };
    let gateway = in_world(&world).await.telegram(|_| {}).start().await;
    let server = "const { serve } = require(\"minirest\");\n\
        const todos = [];\n\
        serve({\n\
        \x20 \"GET /todos\": () => todos,\n\
        \x20 \"POST /todos\": (todo) => (todos.push(todo), todo),\n\
        }, 3000);\n";
    let install = format!(
        "npm install --no-audit --no-fund --loglevel error \
         --registry https://{SITE}/npm/ --cafile $NODE_EXTRA_CA_CERTS minirest"
    );
    let curl = "curl -sS --noproxy '*' http://127.0.0.1:3000/todos";
    let tries = format!(
        "until {curl} >/dev/null 2>&1; do sleep 0.1; done; \
         {curl} -X POST -d '{{\"title\":\"buy milk\"}}' && echo && {curl}"
    );
    gateway.model.script([
        turn()
            .calls(
                "write",
                json!({ "path": "todo/package.json", "content": "{\"name\":\"todo\",\"version\":\"1.0.0\"}" }),
            )
            .calls(
                "write",
                json!({ "path": "todo/src/main.js", "content": server }),
            ),
        turn().calls("exec", json!({ "command": format!("cd todo && {install}") })),
        turn().calls(
            "exec",
            json!({ "command": "cd todo && node src/main.js", "background": true }),
        ),
        turn().calls("exec", json!({ "command": tries })),
        turn().says("The API is up on port 3000.\n\n```\nGET /todos\nPOST /todos\n```"),
    ]);
    let alice = gateway.telegram().person("Alice");
    alice
        .says("Create a REST API with NestJS for a todo app")
        .await;
    let answer = "The API is up on port 3000.\n\nGET /todos\nPOST /todos";
    let shown = alice.sees(answer).await;
    assert_eq!(shown.marks("POST /todos"), ["pre"]);
    let outputs = gateway.model.last().tool_outputs("exec");
    assert_eq!(
        outputs[2].trim(),
        "{\"title\":\"buy milk\"}\n[{\"title\":\"buy milk\"}]",
        "{outputs:#?}"
    );
    alice
        .sees_where("the answer alone", |chat| texts(chat) == [answer])
        .await;
}

#[tokio::test]
async fn an_answer_grows_by_edits_and_ends_in_place() {
    let gateway = gateway(|telegram| telegram["streaming"] = json!("partial")).await;
    let bot = gateway.telegram();
    bot.forget_drafts();
    let gate = Gate::new();
    let begin = "Once upon a time there was a fox who lived in a wood ";
    let text = format!("{begin}and it was happy ever after.");
    let pieces = begin.split_whitespace().count();
    gateway
        .model
        .script([turn().says(&text).held_after(pieces, &gate)]);
    let alice = bot.person("Alice");
    let asked = alice.says("tell me a story").await;
    gate.reached().await;
    let growing = |chat: &[Shown]| {
        let first = chat.iter().find(|shown| shown.id > asked);
        first.is_some_and(|shown| shown.text.starts_with("Once upon a time"))
    };
    alice.sees_where("the beginning", growing).await;
    let first = alice.heard()[0].id;
    gate.open();
    let whole = alice.sees(&text).await;
    assert_eq!(whole.id, first);
    assert!(whole.edits > 0);
    bot.is_idle().await;
    assert_eq!(alice.heard().len(), 1);
    assert_eq!(bot.calls_of("sendMessage").len(), 1);
}

#[tokio::test]
async fn an_answer_grows_as_a_draft_where_there_are_drafts() {
    let gateway = gateway(|_| {}).await;
    let bot = gateway.telegram();
    bot.set_drafts(Drafts::Shown);
    let gate = Gate::new();
    let begin = "Once upon a time there was a fox who lived in a wood ";
    let text = format!("{begin}and it was happy ever after.");
    let pieces = begin.split_whitespace().count();
    gateway
        .model
        .script([turn().says(&text).held_after(pieces, &gate)]);
    let alice = bot.person("Alice");
    alice.says("tell me a story").await;
    gate.reached().await;
    alice
        .sees_draft(|draft| draft.starts_with("Once upon a time"))
        .await;
    assert!(alice.heard().is_empty());
    gate.open();
    let whole = alice.sees(&text).await;
    assert_eq!(whole.edits, 0);
    bot.is_idle().await;
    assert_eq!((alice.heard().len(), alice.draft()), (1, None));
}
