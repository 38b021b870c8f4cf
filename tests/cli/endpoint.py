"""plmr serve --http: answers as OpenAI has them, whole and as streams, the same texts as generate; clear statuses for what cannot be
answered; npm's openai package, where node finds it (NODE_PATH).

endpoint.py MPIEXEC PLMR
"""
import concurrent.futures
import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from cli import Checks, Plmr, outcome

SERVE = "serve --http 127.0.0.1:0 --model demo --device wormhole --cores 3x3".split()
ALONE = "generate --device wormhole --prefill-cores 3x3 --decode-cores 3x3 --no-echo".split()
LONG = {"prompt": "Once upon a time", "max_tokens": 380, "temperature": 2, "seed": 3}
STORY = {"prompt": "Once upon a time", "max_tokens": 30, "temperature": 0}

CLIENT = """
const OpenAI = require('openai');
const client = new OpenAI({apiKey: 'none', baseURL: process.argv[1]});
(async () => {
  const whole = await client.completions.create({model: 'demo', prompt: 'Once upon a time', max_tokens: 30, temperature: 0});
  let text = '';
  const messages = [{role: 'user', content: 'Once upon a time'}];
  for await (const part of await client.chat.completions.create({model: 'demo', messages, max_tokens: 30, temperature: 0, stream: true}))
    text += part.choices[0]?.delta?.content ?? '';
  console.log(JSON.stringify([whole.choices[0].text, text]));
})();
"""


class Server:
    def __init__(self, plmr, ranks=None):
        self.process = plmr.start(SERVE, ranks)
        self.line = self.process.stdout.readline()
        self.port = int(self.line.split("127.0.0.1:")[1].split("/")[0])

    def ask(self, path, body=None, method=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method or ("GET" if body is None else "POST"), path, data)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def begin(self, body):
        """A connection on which that has been asked."""
        data = json.dumps(body).encode()
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        stream.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))
        return stream

    def is_idle(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/events")
        view = json.loads(connection.getresponse().readline()[len("data: "):])
        connection.close()
        return not (view["waiting"] or view["reading"] or view["decoding"])

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return (*outcome(self.process, 60), self.process.returncode)


def texts(check, server, text):
    status, answer = server.ask("/v1/completions", STORY)
    whole = json.loads(answer)
    usage = whole["usage"]
    check(status == 200 and whole["choices"][0]["text"] == text, f"the text is {answer}")
    check(usage["completion_tokens"] == 30 and 0 < usage["virtual"]["ttft_s"] < usage["virtual"]["e2e_s"], f"usage is {usage}")
    chat = {"messages": [{"role": "user", "content": STORY["prompt"]}], "max_tokens": 30, "temperature": 0}
    status, answer = server.ask("/v1/chat/completions", chat)
    check(status == 200 and json.loads(answer)["choices"][0]["message"]["content"] == text, f"the chat is {answer}")
    status, answer = server.ask("/v1/completions", {**STORY, "stream": True, "stream_options": {"include_usage": True}})
    lines = [line[6:] for line in answer.split("\n\n") if line]
    parts = [json.loads(line) for line in lines[:-1]]  # tokens that come faster than they are sent share one
    check(lines[-1] == "[DONE]" and parts[-1]["usage"]["total_tokens"] == usage["total_tokens"], f"the stream is {answer}")
    check("".join(p["choices"][0]["text"] for p in parts[:-1]) == text and len(parts) > 3, f"the stream is {answer}")
    status, answer = server.ask("/v1/completions", {**STORY, "stop": [" named"]})
    check(json.loads(answer)["choices"][0]["text"] == text.partition(" named")[0], f"stopped: {answer}")


def together(check, server, text):
    """Many at once, of which the places that there are have room for some."""
    with concurrent.futures.ThreadPoolExecutor(90) as pool:
        answers = list(pool.map(lambda _: server.ask("/v1/completions", STORY), range(90)))
    check({status for status, _ in answers} <= {200, 503}, f"statuses are {[status for status, _ in answers]}")
    good = [json.loads(answer)["choices"][0]["text"] for status, answer in answers if status == 200]
    check(len(good) >= 64 and set(good) == {text}, f"{len(good)} texts: {set(good)}")


def refused(check, server):
    completions, chat = "/v1/completions", "/v1/chat/completions"
    for path, body, method, status, what in (
            ("/nosuch", None, None, 404, "there are"), (completions, None, None, 405, "POST"), ("/", "{}", "POST", 405, "GET"),
            (completions, '{"prom', None, 400, "not JSON"), (completions, "[1]", None, 400, "not a JSON object"),
            (completions, "", "POST", 400, "not JSON"), (completions, {"prompt": 5}, None, 400, "prompt"),
            (completions, {**STORY, "max_tokens": -1}, None, 400, "max_tokens"), (completions, {**STORY, "n": 2}, None, 400, "n is not 1"),
            (completions, "5", None, 400, "not a JSON object"), (completions, '{"prompt": "a", "prompt": "b"}', None, 400, "duplicate"),
            (completions, {**STORY, "temperature": "hot"}, None, 400, "temperature"),
            (completions, {**STORY, "stop": [1]}, None, 400, "stop"), (completions, {**STORY, "logprobs": 3}, None, 400, "logprobs"),
            (completions, {**STORY, "logprobs": 1.0}, None, 400, "logprobs"), (completions, {**STORY, "logprobs": True}, None, 400, "logprobs"),
            (chat, {"messages": [], "logprobs": True}, None, 400, "logprobs"), (completions, {**STORY, "max_tokens": 5.7}, None, 400, "max_tokens is not a whole"),
            (completions, {**STORY, "max_tokens": 1 << 21}, None, 400, "from 1 to 1048576"), (completions, {**STORY, "top_k": 1.5}, None, 400, "top_k"),
            (completions, {"prompt": "word " * 3000}, None, 400, "have room"), (completions, "x" * 1100000, None, 413, "mebibyte"),
            (chat, {"messages": [{"role": "sytem", "content": "Who?"}]}, None, 400, "'sytem'"),
            (chat, {"messages": []}, None, 400, "messages"), (chat, {"messages": [{"role": "user"}]}, None, 400, "content")):
        got, answer = server.ask(path, body, method)
        check(got == status and what in json.loads(answer)["error"]["message"], f"{path} {str(body)[:60]}: {got} {answer[:200]}")
    check(server.ask("/v1/models")[0] == 200 and "EventSource" in server.ask("/")[1], "models and the page")


def cut(plmr, check):
    """A stream whose server ends says so, as its last event and in how its body ends; one that is complete does not."""
    n_cut = 0
    for _ in range(6):
        server, said = Server(plmr), b""
        with server.begin({**LONG, "stream": True}) as stream:
            piece = stream.recv(2000)
            server.process.send_signal(signal.SIGTERM)
            while piece:
                said += piece
                piece = stream.recv(65536)
        outcome(server.process, 60)
        complete, ended, told = b"data: [DONE]" in said, said.endswith(b"\r\n0\r\n\r\n"), b'data: {"error":{"message":"the server ends"' in said
        check((complete, ended, told) in ((True, True, False), (False, False, True)), f"a stream: {complete}, {ended}, {told}: {said[-300:]}")
        n_cut += told
    check(n_cut > 0, "no stream was cut")


def seeds(check, server):
    """Each seed has its text, 0 too; without one texts differ."""
    wild = {**LONG, "max_tokens": 20}
    del wild["seed"]
    text = lambda **more: json.loads(server.ask("/v1/completions", {**wild, **more})[1])["choices"][0]["text"]
    check(text(seed=0) == text(seed=0) != text(seed=1), "seed 0")
    free = {text() for _ in range(4)}
    check(len(free) == 4 and not free & {text(seed=n) for n in range(12)}, f"without seeds: {free}")


def left(plmr, check, text):
    """Requests whose clients have gone end, and leave their places."""
    for ranks, body in ((None, LONG), (2, {**LONG, "stream": True})):
        server = Server(plmr, ranks)
        for stream in [server.begin({**body, "seed": n}) for n in range(64)]:
            stream.close()
        while (answer := server.ask("/v1/completions", STORY))[0] == 503:
            time.sleep(0.05)
        check(answer[0] == 200 and json.loads(answer[1])["choices"][0]["text"] == text, f"after those who left: {answer}")
        while not server.is_idle():
            time.sleep(0.1)
        out, err, _ = server.end()
        n_made = int(re.search(r", ([0-9,]+) tokens made", out)[1].replace(",", ""))
        check(n_made < 64 * 380 / 3, f"made for nobody: {out!r} {err!r}")


def paused(plmr, check):
    """A text may take longer than a client may be silent."""
    server = Server(plmr)
    with server.begin({**LONG, "stream": True}) as stream:
        said = stream.recv(300)
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(32)
        server.process.send_signal(signal.SIGCONT)
        while piece := stream.recv(65536):
            said += piece
            if said.endswith(b"0\r\n\r\n"):
                break
    check(b"data: [DONE]" in said, f"after a pause: {said[-300:]}")
    server.end()


def with_openai(check, server, text):
    node = shutil.which("node")
    if not node or subprocess.run([node, "-e", "require('openai')"], capture_output=True, check=False).returncode:
        print("node has no package openai: not tried")
        return
    run = subprocess.run([node, "-e", CLIENT, f"http://127.0.0.1:{server.port}/v1"], capture_output=True, text=True, check=False)
    check(run.returncode == 0 and json.loads(run.stdout) == [text, text], f"openai: {run.stdout} {run.stderr}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    text = plmr.run(ALONE + ["-p", STORY["prompt"], "-n", "30"])[1][:-1]
    meanwhile = threading.Thread(target=paused, args=(plmr, check))
    meanwhile.start()
    for ranks in None, 2:
        server = Server(plmr, ranks)
        texts(check, server, text)
        if ranks is None:
            refused(check, server)
            together(check, server, text)
            seeds(check, server)
            with_openai(check, server, text)
        out, err, code = server.end()
        check(ranks or (code == 0 and "served " in out), f"Ctrl-C: {code}, {out!r}, {err!r}")
    cut(plmr, check)
    left(plmr, check, text)
    server = Server(plmr)
    server.ask("/v1/completions", STORY)
    out, err, _ = server.end()
    check("served 1 request, 30 tokens made, in" in out, f"one request: {out!r}, {err!r}")
    for address, what in ("0.0.0.0:8080", "--allow-remote"), ("localhost", "ADDRESS:PORT"), ("127.0.0.1:99999", "ADDRESS:PORT"), ("127.0.0.1:-1", "ADDRESS:PORT"):
        code, out, err = plmr.run(["serve", "--http", address] + SERVE[3:])
        check(code == 2 and what in err[-1], f"{address}: {code}, {out}, {err}")
    meanwhile.join()
    check.done()


main()
