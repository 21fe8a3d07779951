"use strict";
// Everything that is shown is written as text (textContent, canvas), never as markup: names come from recordings.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const UNATTRIBUTED = "unattributed";
  const NAMES = [UNATTRIBUTED, ...data.causes.map((cause) => cause.name)]; // by code + 1
  const MEANINGS = Object.fromEntries(data.causes.map((cause) => [cause.name, cause.meaning]));
  MEANINGS[UNATTRIBUTED] = "no cause was found";
  const NOWHERE = Object.fromEntries(data.causes.map((cause) => [cause.name, cause.nowhere]));
  const charts = new Map();
  let device = data.devices[0];

  // ---- words ----------------------------------------------------------------------------------------------

  function significant(value) {
    const size = Math.abs(value);
    const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  function duration(ns) {
    for (const [size, unit] of [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]]) {
      if (Math.abs(ns) >= size) return `${significant(ns / size)} ${unit}`;
    }
    return `${Math.round(ns)} ns`;
  }

  const whole = (number) => number.toLocaleString("en");
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const plural = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
  const steps = () => Math.max(1, device.step_count);
  const perStep = () => (device.step_count ? " a step" : "");
  const length = (row) => row.end_ns - row.start_ns;
  const total = () => Math.max(1, length(device.window));
  const where = (site, cause) => site.where || (NOWHERE[cause] ?? "nothing recorded");

  function instant(ns, span) {
    const [size, unit] = span >= 2e9 ? [1e9, "s"] : span >= 2e6 ? [1e6, "ms"] : [1e3, "µs"];
    const digits = Math.max(0, Math.min(6, Math.ceil(-Math.log10(span / size / 200))));
    return `${(ns / size).toLocaleString("en", { maximumFractionDigits: digits })} ${unit}`;
  }

  // ---- elements -------------------------------------------------------------------------------------------

  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element) element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  const swatch = (name) => {
    const mark = make("span", { className: "swatch", "aria-hidden": "true" });
    mark.style.background = `var(--${name})`;
    return mark;
  };

  const named = (cause) => make("span", {}, swatch(cause ?? UNATTRIBUTED), cause ?? UNATTRIBUTED);

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  function readable(background) {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const part = parseInt(background.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000000" : "#ffffff";
  }

  /** A tooltip of text alone: a bold head, then rows of [name of a colour or "", text, value]. */
  function tip(head, rows) {
    const body = rows.map(([colored, text, value]) =>
      make("div", {}, colored ? swatch(colored) : null, text, value ? `: ${value}` : ""));
    const box = make("div", {}, make("b", { textContent: head }), ...body);
    box.style.cssText = "max-width: min(32rem, 80vw); white-space: normal; overflow-wrap: anywhere";
    return box;
  }

  // ---- charts ---------------------------------------------------------------------------------------------

  function draw(id, height, option, click) {
    const place = $(id);
    place.style.height = `${height}px`;
    charts.get(id)?.dispose();
    const chart = echarts.init(place, null, { renderer: "canvas" });
    charts.set(id, chart);
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: color("text") },
      aria: { enabled: id !== "timeline" },
      ...option,
      tooltip: {
        backgroundColor: color("card"),
        borderColor: color("rule"),
        textStyle: { color: color("text"), fontSize: 13 },
        confine: true,
        ...option.tooltip,
      },
    });
    if (click) chart.on("click", click);
    return chart;
  }

  const axis = (more = {}) => ({
    axisLine: { lineStyle: { color: color("rule") } },
    axisLabel: { color: color("soft"), hideOverlap: true, ...more.axisLabel },
    splitLine: { lineStyle: { color: color("rule") } },
    nameTextStyle: { color: color("soft") },
    ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== "axisLabel")),
  });

  /** What the causes and the rest of a device or step have of the idle time: [name, ns], greatest first. */
  function idleOf(causes, idle) {
    const rows = Object.entries(causes);
    const rest = idle - rows.reduce((sum, [, ns]) => sum + ns, 0);
    if (rest > 0) rows.push([UNATTRIBUTED, rest]);
    return rows.sort((one, other) => other[1] - one[1]);
  }

  /** Bars of busy and idle time by cause, one on another; each bar {label, busy, causes, idle}. */
  function stacked(id, bars, height, click) {
    const found = new Set(bars.flatMap((bar) => idleOf(bar.causes, bar.idle).map(([name]) => name)));
    const present = NAMES.filter((name) => found.has(name));
    const value = (bar, name) =>
      name === "busy" ? bar.busy : idleOf(bar.causes, bar.idle).find(([cause]) => cause === name)?.[1] ?? 0;
    draw(id, height, {
      grid: { left: 8, right: 12, top: 26, bottom: 4, containLabel: true },
      xAxis: axis({ type: "category", data: bars.map((bar) => bar.label), axisTick: { show: false } }),
      yAxis: axis({ type: "value", name: "ms", nameGap: 10, axisLabel: { formatter: (ns) => whole(ns / 1e6) } }),
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow" },
        formatter: (points) => {
          const bar = bars[points[0].dataIndex];
          return tip(`${bar.label}: ${duration(bar.busy + bar.idle)}`, [
            ["busy", "busy", duration(bar.busy)],
            ...idleOf(bar.causes, bar.idle).map(([name, ns]) => [name, name, duration(ns)]),
          ]);
        },
      },
      series: ["busy", ...present].map((name) => ({
        name,
        type: "bar",
        stack: "time",
        barMaxWidth: 60,
        itemStyle: { color: color(name) },
        data: bars.map((bar) => value(bar, name)),
      })),
    }, click);
  }

  function drawCauses() {
    const rows = idleOf(device.causes, device.window.idle_ns);
    draw("causes-chart", 30 + Math.max(1, rows.length) * 30, {
      grid: { left: 4, right: 120, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: "value", show: false },
      yAxis: axis({
        type: "category", inverse: true, data: rows.map(([name]) => name), axisTick: { show: false },
        axisLabel: { color: color("text"), fontSize: 13 },
      }),
      tooltip: {
        formatter: ({ dataIndex }) => {
          const [name, ns] = rows[dataIndex];
          return tip(name, [["", MEANINGS[name], ""], ["", `in all`, duration(ns)]]);
        },
      },
      series: [{
        type: "bar", name: "idle", barMaxWidth: 18,
        data: rows.map(([name, ns]) => ({ value: ns / steps(), itemStyle: { color: color(name) } })),
        label: {
          show: true, position: "right", color: color("text"), fontSize: 13,
          formatter: ({ value, dataIndex }) =>
            `${duration(value)}  ${percent(rows[dataIndex][1] / total())}`,
        },
      }],
    });
  }

  function drawLines() {
    const rows = device.lines.slice(0, 12);
    const place = $("lines-chart");
    draw("lines-chart", 20 + Math.max(1, rows.length) * 42, {
      grid: { left: 4, right: 74, top: 20, bottom: 0 },
      xAxis: { type: "value", show: false },
      yAxis: {
        type: "category", inverse: true, data: rows.map((row) => where(row.site, row.cause)),
        axisLine: { show: false }, axisTick: { show: false },
        axisLabel: {
          inside: true, verticalAlign: "bottom", padding: [0, 0, 11, -6], color: color("text"), fontSize: 12,
          width: Math.max(80, place.clientWidth - 24), overflow: "truncate", interval: 0,
        },
        z: 10,
      },
      tooltip: {
        formatter: ({ dataIndex }) => {
          const row = rows[dataIndex];
          const place = where(row.site, row.cause);
          return tip(place, [[row.cause, row.cause, duration(row.idle_ns)], ["", plural(row.gaps, "gap"), ""]]);
        },
      },
      series: [{
        type: "bar", name: "idle", barWidth: 13,
        data: rows.map((row) => ({ value: row.idle_ns / steps(), itemStyle: { color: color(row.cause) } })),
        label: {
          show: true, position: "right", color: color("text"), fontSize: 12,
          formatter: ({ value }) => duration(value),
        },
      }],
    });
  }

  const shortName = (step) => step.name.split("#").pop();

  /** Means of a step, or of a device: {label, busy, idle, causes}. */
  function bar(label, count, { busy_ns: busy, idle_ns: idle }, causes) {
    const means = Object.entries(causes).map(([name, ns]) => [name, ns / count]);
    return { label, busy: busy / count, idle: idle / count, causes: Object.fromEntries(means) };
  }

  function drawSteps() {
    $("steps").hidden = !device.steps.length;
    if (!device.steps.length) return;
    const bars = device.steps.map((step) => bar(shortName(step), step.count, step, step.causes));
    stacked("steps-chart", bars, 260, ({ dataIndex }) => show(device.steps[dataIndex].start_ns, device.steps[dataIndex].end_ns));
  }

  function drawDevices() {
    $("ranks").hidden = data.devices.length < 2;
    $("ranks").querySelector("h2").textContent = data.ranks ? "Ranks" : "Devices";
    if (data.devices.length < 2) return;
    const bars = data.devices.map((each) => bar(each.label, Math.max(1, each.step_count), each.window, each.causes));
    stacked("ranks-chart", bars, 260, ({ dataIndex }) => choose(dataIndex));
    const ranks = data.ranks;
    $("ranks-said").textContent = "A bar is the mean step of a device. Choose one to see it below."
      + (ranks ? ` Collectives: ${ranks.matched}.` : "");
    $("ranks-table").replaceChildren(...(ranks ? [rankTable(ranks)] : []));
  }

  // ---- timeline -------------------------------------------------------------------------------------------

  const GPU = [0, 1];
  const STEP = [1.12, 1.55];
  const [LEFT, RIGHT] = [36, 36]; // half of a label on the axis
  let view = [0, 1];

  /** The first of the sorted numbers that is at least so great. */
  function firstFrom(numbers, least) {
    let low = 0;
    let high = numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (numbers[middle] < least) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * What of the idle time to draw between two instants. A stretch that is wide enough is a box of its own; what
   * is narrower is summed up by column of two pixels, and drawn as high as its share of the column's time.
   */
  function boxes(from, to, width) {
    const columns = Math.max(1, Math.floor(width / 2));
    const each = (to - from) / columns;
    const sums = Array.from({ length: columns }, () => null);
    const add = (code, begin, end, density) => {
      const last = Math.min(columns - 1, Math.floor((end - from) / each));
      for (let column = Math.max(0, Math.floor((begin - from) / each)); column <= last; column += 1) {
        const inside = Math.min(end, from + (column + 1) * each) - Math.max(begin, from + column * each);
        if (inside > 0) (sums[column] ??= new Float64Array(NAMES.length))[code] += inside * density;
      }
    };
    const { start, length: lengths, cause, site } = device.pieces;
    const wide = [];
    let first = firstFrom(start, from);
    if (first > 0 && start[first - 1] + lengths[first - 1] > from) first -= 1;
    for (let at = first; at < start.length && start[at] < to; at += 1) {
      const end = start[at] + lengths[at];
      if (lengths[at] >= each * 2) wide.push({ value: [start[at], end, 0, 1], code: cause[at] + 1, site: site[at] });
      else add(cause[at] + 1, start[at], end, 1);
    }
    const cells = device.cells;
    for (let at = firstFrom(cells.number, Math.floor(from / cells.width)); at < cells.number.length; at += 1) {
      const begin = cells.number[at] * cells.width;
      if (begin >= to) break;
      add(cells.cause[at] + 1, begin, begin + cells.width, cells.idle[at] / cells.width);
    }
    const narrow = [];
    sums.forEach((sum, column) => {
      if (sum === null) return;
      let bottom = 0;
      sum.forEach((ns, code) => {
        if (ns <= 0) return;
        const top = Math.min(1, bottom + ns / each);
        const begin = from + column * each;
        narrow.push({ value: [begin, begin + each, bottom, top], code, sum });
        bottom = top;
      });
    });
    return [...narrow, ...wide];
  }

  function rectangle(params, api, low, high) {
    const [x0, y0] = api.coord([api.value(0), high]);
    const [x1, y1] = api.coord([api.value(1), low]);
    const area = params.coordSys;
    return echarts.graphic.clipRectByRect(
      { x: Math.round(x0), y: y0, width: Math.max(Math.round(x1) - Math.round(x0), 1), height: y1 - y0 },
      { x: area.x, y: area.y, width: area.width, height: area.height },
    );
  }

  const inside = (shape, text, fill, least) =>
    shape.width < least ? {} : {
      textContent: { type: "text", style: { text, fill, fontSize: 12, overflow: "truncate", width: shape.width - 10 } },
      textConfig: { position: "inside" },
    };

  /** A rectangle that stays where it is under the mouse: the one behind all others would come to the front. */
  const box = (element) => ({ type: "rect", emphasisDisabled: true, ...element });

  function idleSeries(found) {
    const colors = NAMES.map(color);
    return {
      id: "idle", type: "custom", clip: true, data: found, encode: { x: [0, 1], y: [2, 3] },
      renderItem: (params, api) => {
        const part = found[params.dataIndex];
        const shape = part && rectangle(params, api, part.value[2], part.value[3]);
        if (!shape) return null;
        const fill = colors[part.code];
        const text = part.sum ? {} : inside(shape, NAMES[part.code], readable(fill), 48);
        return box({ shape, style: { fill }, ...text });
      },
    };
  }

  const shownBox = (box) => {
    if (!box.sum) {
      const [begin, end] = box.value;
      return tip(`${NAMES[box.code]}: ${duration(end - begin)}`, [
        ["", MEANINGS[NAMES[box.code]], ""],
        ["", device.sites[box.site] || (NOWHERE[NAMES[box.code]] ?? "nothing recorded"), ""],
        ["", "from", instant(begin, view[1] - view[0])],
      ]);
    }
    const each = box.value[1] - box.value[0];
    return tip(`many short gaps in ${duration(each)}`,
      [...box.sum].map((ns, code) => [NAMES[code], NAMES[code], percent(ns / each), ns]).filter((row) => row[3] > 0));
  };

  function drawTimeline() {
    const end = total();
    view = [0, end];
    const chart = draw("timeline", device.steps.length ? 210 : 170, {
      grid: { left: LEFT, right: RIGHT, top: 6, bottom: 66, outerBoundsMode: "none" },
      xAxis: axis({
        type: "value", min: 0, max: end, splitLine: { show: false },
        axisLabel: { formatter: (ns) => instant(ns, view[1] - view[0]), showMinLabel: true, showMaxLabel: false },
      }),
      yAxis: { type: "value", min: 0, max: device.steps.length ? STEP[1] : GPU[1], show: false },
      dataZoom: [
        { type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", minValueSpan: Math.min(end, 1000) },
        {
          type: "slider", filterMode: "none", height: 22, bottom: 8, showDataShadow: false, brushSelect: false,
          borderColor: color("rule"), fillerColor: `${color("accent")}33`, showDetail: false,
          minValueSpan: Math.min(end, 1000), handleStyle: { color: color("card"), borderColor: color("accent") },
          moveHandleStyle: { color: color("rule") },
        },
      ],
      tooltip: {
        formatter: ({ seriesId, dataIndex, data: item }) => {
          if (seriesId === "idle") return shownBox(item);
          if (seriesId === "busy") return tip("busy", [["", "some stream runs a kernel, copy or set", ""]]);
          const step = device.steps[dataIndex];
          return tip(`${step.name}: ${duration(length(step))}`, [
            ["busy", "busy", duration(step.busy_ns)],
            ...idleOf(step.causes, step.idle_ns).map(([name, ns]) => [name, name, duration(ns)]),
          ]);
        },
      },
      series: [
        {
          id: "busy", type: "custom", clip: true, data: [[0, end]], encode: { x: [0, 1] },
          renderItem: (params, api) =>
            box({ shape: rectangle(params, api, ...GPU), style: { fill: color("busy") } }),
        },
        {
          id: "steps", type: "custom", clip: true, encode: { x: [0, 1] },
          data: device.steps.map((step) => [step.start_ns, step.end_ns]),
          renderItem: (params, api) => {
            const shape = rectangle(params, api, ...STEP);
            if (!shape) return null;
            const fill = color(params.dataIndex % 2 ? "step-a" : "step-b");
            const step = device.steps[params.dataIndex];
            const text = inside(shape, shape.width < 120 ? shortName(step) : step.name, color("text"), 20);
            return box({ shape, style: { fill }, ...text });
          },
        },
        idleSeries([]),
      ],
    }, ({ seriesId, data: item }) => {
      if (seriesId === "busy") return;
      const [first, last] = item.value ?? item;
      const around = seriesId === "idle" ? (last - first) / 2 : 0;
      show(first - around, last + around);
    });
    chart.on("datazoom", (event) => {
      const zoomed = event.batch?.[0] ?? event;
      view = [(zoomed.start / 100) * end, (zoomed.end / 100) * end];
      requestAnimationFrame(refresh);
    });
    refresh();
    const many = device.cells.pieces;
    $("timeline-hint").textContent = "Drag to move, Ctrl and the wheel (or two fingers) to zoom; choose a gap or a step to see it whole. "
      + (many ? `The ${whole(many)} shortest idle stretches are shown as sums over ${duration(device.cells.width)}.` : "");
  }

  function refresh() {
    const chart = charts.get("timeline");
    const [from, to] = view;
    chart.setOption({ series: [idleSeries(boxes(from, to, chart.getWidth() - LEFT - RIGHT))] });
    $("view").textContent = `${instant(from, to - from)} to ${instant(to, to - from)} (${duration(to - from)})`;
  }

  /** Make the timeline show what lies between two instants. */
  function show(from, to) {
    const end = total();
    const span = Math.min(end, Math.max(to - from, 1000));
    const begin = Math.min(Math.max(0, from), end - span);
    charts.get("timeline").dispatchAction({
      type: "dataZoom", dataZoomIndex: 0, start: (begin / end) * 100, end: ((begin + span) / end) * 100,
    });
  }

  function move(how) {
    const [from, to] = view;
    const span = to - from;
    if (how === "in") show(from + span / 4, to - span / 4);
    if (how === "out") show(from - span / 2, to + span / 2);
    if (how === "left") show(from - span / 4, to - span / 4);
    if (how === "right") show(from + span / 4, to + span / 4);
    if (how === "all") show(0, total());
  }

  // ---- tables ---------------------------------------------------------------------------------------------

  /** Columns are [title, kind ("number", "words", "short"), value of a row to sort by, what to show for it]. */
  function table(caption, columns, rows, detail) {
    const body = rows.map((row) => {
      const cells = columns.map(([, kind, value, shown = value]) => {
        const content = shown(row);
        if (content instanceof Node) return make("td", { className: kind }, content);
        const written = String(content ?? "");
        const cell = kind === "words" ? make("span", { className: "long", title: written }, written) : written;
        return make("td", { className: kind }, cell);
      });
      const part = make("tbody", {}, make("tr", {}, ...cells));
      part.row = row;
      if (detail) {
        const button = make("button", { type: "button", textContent: "Show", "aria-expanded": "false" });
        button.addEventListener("click", () => {
          const open = part.rows.length > 1;
          if (open) part.rows[1].remove();
          else part.append(make("tr", { className: "detail" }, make("td", { colSpan: columns.length + 1 }, detail(row))));
          button.setAttribute("aria-expanded", String(!open));
          button.textContent = open ? "Show" : "Hide";
        });
        part.rows[0].append(make("td", { className: "short" }, button));
      }
      return part;
    });
    const heads = columns.map(([title, kind, value]) => {
      const button = make("button", { type: "button", textContent: title });
      const head = make("th", { className: kind, scope: "col" }, button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const descending = before ? before === "ascending" : kind === "number";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const sign = descending ? -1 : 1;
        const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
        body.sort((one, other) => sign * order(value(one.row) ?? -1, value(other.row) ?? -1));
        whole.append(...body);
      });
      return head;
    });
    const first = make("tr", {}, ...heads, detail ? make("th", { scope: "col", "aria-label": "Details" }) : null);
    const whole = make("table", {}, make("caption", { textContent: caption }), make("thead", {}, first), ...body);
    return make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption }, whole);
  }

  const time = (title, key) => [title, "number", (row) => row[key], (row) => duration(row[key])];
  const count = (title, key) => [title, "number", (row) => row[key], (row) => whole(row[key])];
  const text = (title, key, kind = "words") => [title, kind, (row) => row[key]];
  const at = ["At", "number", (row) => row.start_ns, (row) => instant(row.start_ns, total() / 5)];
  const lasts = ["Length", "number", length, (row) => duration(length(row))];
  const site = ["Where", "words", (row) => where(row.site, row.cause)];
  const cause = ["Cause", "short", (row) => row.cause ?? UNATTRIBUTED, (row) => named(row.cause)];

  const rankTable = (ranks) => table("Means per step of each rank", [
    count("Rank", "rank"), time("Step", "step_ns"), time("Busy", "busy_ns"), time("Idle", "idle_ns"),
    time("Exposed communication", "communication_ns"), time("Waits in collectives", "collective_wait_ns"),
    time("Others wait for it", "waited_for_ns"),
    ["Straggler", "short", (row) => row.straggler, (row) => (row.straggler ? "yes" : "no")],
  ], ranks.rows);

  const list = (kind, items) => make(kind, {}, ...items.map((item) => make("li", { textContent: item })));

  function stallDetail(stall) {
    const parts = [
      ["Idle time by cause", list("ul", stall.shares.map(([name, place, ns]) => `${duration(ns)} ${name ?? UNATTRIBUTED}: ${where(place, name)}`))],
      ["What the launching thread did", list("ul", stall.host.map(({ name, category, duration_ns: ns }) => `${duration(ns)} ${name || "nothing recorded"}${category ? ` (${category})` : ""}`))],
      ["Open on it, outermost first", list("ol", stall.stack)],
      ["The device", list("ul", [
        `before: ${stall.before || "nothing"}`,
        `after: ${stall.after || "nothing"}`,
        stall.launch ? `launched by ${stall.launch}${stall.launch_ns === null ? "" : ` at ${instant(stall.launch_ns, 1e6)}`}${stall.thread ? `, on ${stall.thread}` : ""}` : "its launch is not recorded",
      ])],
    ];
    const zoom = make("button", { type: "button", textContent: "See it in the timeline" });
    zoom.addEventListener("click", () => {
      show(stall.start_ns - length(stall) / 2, stall.end_ns + length(stall) / 2);
      $("timeline").scrollIntoView({ block: "center" });
      $("timeline").focus({ preventScroll: true });
    });
    return make("div", {}, zoom,
      ...parts.filter(([, items]) => items.children.length).flatMap(([head, items]) => [make("h3", { textContent: head }), items]));
  }

  /** Bytes per nanosecond, which are GB per second. */
  const bandwidth = (copy) => (copy.duration_ns ? copy.total_bytes / copy.duration_ns : 0);

  function drawTables() {
    $("causes-table").replaceChildren(table("Means" + perStep(), [
      ["Cause", "short", ([name]) => name, ([name]) => named(name)],
      ["Idle", "number", ([, ns]) => ns, ([, ns]) => duration(ns / steps())],
      ["Of the time", "number", ([, ns]) => ns, ([, ns]) => percent(ns / total())],
      ["Meaning", "words", ([name]) => MEANINGS[name]],
    ], idleOf(device.causes, device.window.idle_ns)));
    $("stalls-table").replaceChildren(table(`The ${plural(device.stalls.length, "longest gap")}`, [
      lasts, at, text("Step", "step", "number"), cause, site, text("What the host was doing", "doing"),
    ], device.stalls, stallDetail));
    const idle = time("Idle blamed", "idle_ns");
    const name = text("Name", "name");
    const kind = text("Kind", "kind", "short");
    const sections = [
      ["Idle by line", "lines", [time("Idle", "idle_ns"), count("Gaps", "gaps"), cause,
        ["Place", "words", (row) => row.site.place], ["Ran there", "words", (row) => row.site.ran]]],
      ["Steps", "steps", [text("Step", "name", "short"), lasts, time("Busy", "busy_ns"), time("Idle", "idle_ns")]],
      ["Kernels and copies", "kernels", [time("Total", "total_ns"), count("Count", "count"), time("Longest", "longest_ns"), kind, name]],
      ["Operators", "operators", [time("Self, host", "self_ns"), time("Total, host", "total_ns"), time("Device", "device_ns"), idle,
        count("Count", "count"), count("Launches", "launches"), name]],
      ["Runtime calls", "runtime", [time("Total, host", "total_ns"), time("Device idle meanwhile", "idle_ns"), count("Count", "count"), kind, name]],
      ["Copies by kind", "copies", [kind, text("Host memory", "memory", "short"), count("Count", "count"),
        ["Bytes", "number", (row) => row.total_bytes, (row) => (row.total_bytes === null ? "not recorded" : whole(row.total_bytes))],
        ["GB/s", "number", bandwidth, (row) => (bandwidth(row) ? significant(bandwidth(row)) : "")],
        time("Duration", "duration_ns"), time("While no kernel ran", "exposed_ns"), idle]],
      ["Launch-bound stretches", "launch_bound", [lasts, time("Idle", "idle_ns"), count("Kernels", "kernels"), at, site]],
      ["Waits for the loader", "loader_waits", [lasts, idle, at, name]],
    ].map(([title, key, columns]) => [title, device[key], columns, device.totals[key]]);
    if (data.ranks) {
      sections.push(["Collectives over the ranks", data.ranks.collectives, [time("Waiting", "waiting_ns"), count("Count", "count"),
        count("Last rank", "last_rank"), count("How often", "last_count"), time("Late by", "lateness_ns"), name]]);
    }
    sections.push(["Findings", data.findings, [text("Rule", "rule", "short"), text("Severity", "severity", "short"),
      text("Place", "place"), text("Message", "message"), text("Remedy", "help")]]);
    $("tables").replaceChildren(...sections.filter(([, rows]) => rows.length).map(([title, rows, columns, total]) => {
      const all = total ?? rows.length;
      const box = make("details", {}, make("summary", { textContent: `${title} (${whole(all)})` }));
      const caption = all > rows.length ? `${title}, the first ${whole(rows.length)} of ${whole(all)}` : title;
      box.addEventListener("toggle", () => box.append(table(caption, columns, rows)), { once: true });
      return box;
    }));
  }

  // ---- the rest -------------------------------------------------------------------------------------------

  function number(term, value, more) {
    return make("dl", {}, make("dt", { textContent: term }),
      make("dd", {}, value, more ? make("small", { textContent: more }) : null));
  }

  function drawHead() {
    const { window: all, spread, communication } = device;
    const greatest = idleOf(device.causes, all.idle_ns)[0];
    $("recording").textContent = [data.title, device.label, device.name].filter(Boolean).join(" · ");
    $("numbers").replaceChildren(...[
      number("Idle", percent(all.idle_ns / total()), `${duration(all.idle_ns)} of ${duration(length(all))}`),
      number("Idle" + perStep(), duration(all.idle_ns / steps()), plural(all.gaps, "gap")),
      device.step_count
        ? number("Mean step", duration(device.step_ns), `${plural(device.step_count, "step")}, ${duration(spread.shortest_ns)} to ${duration(spread.longest_ns)}`)
        : number("Steps", "none", "the recording marks none"),
      device.concluded || number("Causes", "not told", "the health of the recording forbids it"),
      device.concluded && greatest && number("Greatest cause", make("span", {}, named(greatest[0])), `${duration(greatest[1] / steps())}${perStep()}`),
      communication && number("Communication", duration(communication.busy_ns / steps()), `${duration(communication.exposed_ns / steps())} not hidden`),
    ].filter((each) => each instanceof Node));
    const blamed = Object.values(device.causes).reduce((sum, ns) => sum + ns, 0);
    $("sums").textContent = `${blamed + device.unattributed_ns === all.idle_ns ? "Sums close" : "Sums do NOT close"}: `
      + `${whole(blamed)} ns blamed + ${whole(device.unattributed_ns)} ns unattributed = ${whole(all.idle_ns)} ns idle. perfcheck ${data.version}`;
    $("legend").replaceChildren(
      ...["busy", ...idleOf(device.causes, all.idle_ns).map(([name]) => name)].map((name) => make("li", {}, swatch(name), name)));
  }

  function drawHealth() {
    $("health").hidden = !data.health.length;
    $("health").replaceChildren(...data.health.map((row) => make("p", {},
      make("b", { className: row.severity, textContent: `${row.severity}: ` }),
      row.message)));
  }

  function drawCharts() {
    drawTimeline();
    drawCauses();
    drawLines();
    drawSteps();
  }

  function drawDevice() {
    drawHead();
    drawCharts();
    drawTables();
  }

  function choose(index) {
    $("device").value = String(index);
    device = data.devices[index];
    drawDevice();
  }

  drawHealth();
  if (!device) {
    $("recording").textContent = `${data.title}: no GPU events`;
    for (const section of document.querySelectorAll("main > :not(#health)")) section.hidden = true;
    return;
  }
  $("choice").hidden = data.devices.length < 2;
  $("device").append(...data.devices.map((each, index) => make("option", { value: String(index), textContent: each.label })));
  $("device").addEventListener("change", (event) => choose(Number(event.target.value)));
  document.querySelector(".tools").addEventListener("click", (event) => move(event.target.dataset?.move));
  $("timeline").addEventListener("keydown", (event) => {
    const how = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", 0: "all" }[event.key];
    if (!how || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(how);
  });
  // The library would hold every turn of the wheel; without Ctrl it is the page's own.
  $("timeline").addEventListener("wheel", (event) => {
    if (!event.ctrlKey) event.stopPropagation();
  }, { capture: true, passive: true });
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const [from, to] = view;
      for (const chart of charts.values()) chart.resize();
      drawLines();
      show(from, to);
      refresh();
    }, 100);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    const [from, to] = view;
    drawDevices();
    drawCharts();
    show(from, to);
  });
  drawDevices();
  drawDevice();
})();
