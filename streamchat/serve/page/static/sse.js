// Server-sent events out of a stream of bytes.

const SLICE = 12; // milliseconds of work before the page gets a turn: keys, painting

/** Yield the data of each event as it comes. */
export async function* readEvents(body) {
  let free = performance.now();
  let data = [];
  for await (const line of readLines(body)) {
    if (line.startsWith("data:")) {
      data.push(line.slice(line[5] === " " ? 6 : 5));
    } else if (line === "" && data.length > 0) {
      yield data.join("\n");
      data = [];
      if (performance.now() - free > SLICE) {
        await new Promise((resolve) => { setTimeout(resolve); });
        free = performance.now();
      }
    }
  }
}

/** Yield whole lines. A long line is put together once, not again with each chunk. */
async function* readLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pieces = [];
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const [first, ...rest] = read.value.split("\n");
      pieces.push(first);
      for (const piece of rest) {
        yield pieces.join("").replace(/\r$/, "");
        pieces = [piece];
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // closes the connection when the caller has enough
  }
}
