/* The map and the load curve of a plan, drawn on canvas. Every number here stands in a table on the same page; texts come ready
   from the server. Tooltips are drawn too (no inline styles), nothing moves when less motion is asked for. */
(function () {
  "use strict";
  const isLarge = document.body.classList.contains("large");
  const TEXT = isLarge ? 20 : 13;
  const FONT = getComputedStyle(document.body).fontFamily;
  const FILLS = ["#eaf2f9", "#bcd6ec", "#7fb0d9", "#2f6ea6", "#0a4a86", "#7a1f4d"]; /* the last: more than 100 % */
  const NONE = "#f1f1f1";
  const NEAR = 3.2;
  const INK = "#16181d";
  const animation = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const tooltip = {
    renderMode: "richText", confine: true, backgroundColor: "#fff", borderColor: "#7c8a99", borderWidth: 1,
    padding: [10, 12], textStyle: { color: INK, fontSize: TEXT, fontFamily: FONT, lineHeight: TEXT * 1.6 }
  };

  async function json(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }
  function open(box) {
    const chart = echarts.init(box, null, { renderer: "canvas" });
    new ResizeObserver(() => chart.resize()).observe(box);
    return chart;
  }

  async function drawMap(box) {
    const [told, boundaries] = await Promise.all([json(box.dataset.figures), json(box.dataset.boundaries)]);
    const map = told.map;
    for (const feature of boundaries.features) {
      feature.properties.cp = [feature.properties.label_lng, feature.properties.label_lat];
    }
    echarts.registerMap("city", boundaries);
    const chart = open(box);
    const most = Math.max(1, ...map.streets.map((street) => street[3]));
    const side = (people) => 3 + 15 * Math.sqrt(people / most);
    const chosen = () => document.querySelector("input[name=measure]:checked").value;
    const named = (code) => map.districts[code];
    const inWords = (code) => {
      const area = named(code);
      if (!area) return box.dataset.none;
      const lines = Object.entries(map.measures).map(([key, measure]) => measure.label + "  " + area.values[key][0]);
      return [area.name + "  " + area.people, ...lines].join("\n");
    };
    const near = document.getElementById("campaign-near");
    const all = map.streets.reduce((sum, street) => sum + street[3], 0) || 1;
    const middle = [1, 2].map((at) => map.streets.reduce((sum, street) => sum + street[at] * street[3], 0) / all);
    const size = (feature) => { /* of a district's box, so that the larger ones keep their labels where there is no room for all */
      const points = feature.geometry.coordinates.flat(feature.geometry.type === "MultiPolygon" ? 2 : 1);
      const [lngs, lats] = [0, 1].map((at) => points.map((point) => point[at]));
      return (Math.max(...lngs) - Math.min(...lngs)) * (Math.max(...lats) - Math.min(...lats));
    };
    const bySize = boundaries.features.filter((feature) => named(feature.properties.code6)).sort((a, b) => size(b) - size(a));
    /* The labels that do not lie on one another, the larger districts' first. */
    const fitting = (key) => {
      const taken = [];
      return bySize.filter((feature) => {
        const [x, y] = chart.convertToPixel("geo", feature.properties.cp);
        const widest = Math.max(named(feature.properties.code6).name.length - 1, named(feature.properties.code6).values[key][0].length * 0.6);
        const box = [x, y, widest * TEXT * 0.52 + 1, TEXT * 1.25];
        const isOut = x < box[2] || y < box[3] || x > chart.getWidth() - box[2] || y > chart.getHeight() - box[3];
        const meets = isOut || taken.some((other) => Math.abs(other[0] - x) < other[2] + box[2] && Math.abs(other[1] - y) < other[3] + box[3]);
        if (!meets) taken.push(box);
        return !meets;
      });
    };
    const isDark = (code, key) => { const found = named(code); return Boolean(found) && found.values[key][1] >= 3; };

    function draw() {
      const key = chosen();
      const regions = boundaries.features.map((feature) => {
        const code = feature.properties.code6;
        const found = named(code) && named(code).values[key][1];
        const isHere = code === box.dataset.district;
        return {
          name: code,
          itemStyle: { areaColor: found === undefined || found === null ? NONE : FILLS[found], borderColor: isHere ? "#d97706" : "#ffffff", borderWidth: isHere ? 4 : 1.5 },
          emphasis: { itemStyle: { areaColor: found === undefined || found === null ? NONE : FILLS[found], borderColor: INK, borderWidth: 2 }, label: { show: false } },
          select: { disabled: true }
        };
      });
      const place = { map: "city", nameProperty: "code6", roam: false, aspectScale: 0.77, layoutCenter: ["50%", "50%"], layoutSize: "98%" };
      const geo = { ...place, zoom: near.checked ? NEAR : 1, center: near.checked ? middle : null };
      chart.setOption({ geo });
      const labels = fitting(key).map((feature) => {
        const code = feature.properties.code6;
        const dark = isDark(code, key);
        return {
          value: feature.properties.cp, name: code,
          label: {
            formatter: named(code).name.replace(/[区县]$/, "") + "\n" + named(code).values[key][0],
            color: dark ? "#fff" : INK, textBorderColor: dark ? "#0a3a69" : "#fff", textBorderWidth: 3
          }
        };
      });
      chart.setOption({
        animation,
        textStyle: { fontFamily: FONT },
        tooltip,
        geo: { ...geo, regions, label: { show: false }, tooltip: { show: true, formatter: (at) => inWords(at.name) } },
        series: [
          {
            type: "scatter", coordinateSystem: "geo", z: 3,
            data: map.streets.map((street) => ({ name: street[0], value: [street[1], street[2]], people: street[3], words: street[4] })),
            symbolSize: (_value, at) => side(at.data.people),
            itemStyle: { color: "rgba(217, 119, 6, 0.45)", borderColor: "#fff", borderWidth: 0.5 },
            tooltip: { formatter: (at) => at.data.name + "\n" + at.data.words }
          },
          {
            type: "scatter", coordinateSystem: "geo", z: 5, silent: true, symbolSize: 1, itemStyle: { color: "transparent", opacity: 1 }, data: labels,
            label: { show: true, position: "inside", fontSize: TEXT, fontFamily: FONT, fontWeight: 600, lineHeight: TEXT * 1.25, align: "center" }
          }
        ]
      }, { replaceMerge: ["series"] });
      legend(map.measures[key].legend);
      for (const hint of document.querySelectorAll("[data-hint]")) hint.hidden = hint.dataset.hint !== key;
    }
    function legend(texts) {
      const rows = [...texts.map((text, at) => [text, "camp-class-" + at]), [box.dataset.none, "camp-class-none"]];
      document.getElementById("campaign-classes").replaceChildren(...rows.map(([text, look]) => {
        const row = document.createElement("li");
        const swatch = document.createElement("span");
        swatch.className = "camp-key " + look;
        row.append(swatch, text);
        return row;
      }));
    }
    draw();
    [near, ...document.querySelectorAll("input[name=measure]")].forEach((each) => each.addEventListener("change", draw));
    new ResizeObserver(draw).observe(box);
    chart.on("click", (at) => {
      if (at.componentType === "geo" && named(at.name)) window.location.assign(box.dataset.page + "?district=" + at.name + "#areas");
    });
    box.dataset.drawn = "1";
  }

  async function drawCurve(box) {
    const { curve } = await json(box.dataset.figures);
    const say = box.dataset;
    const chart = open(box);
    const tall = Math.max(1, ...curve.people.map((people, at) => people + curve.units[at]), ...curve.expected);
    const isFar = Math.max(...curve.production) > 4 * tall;
    const round = (value) => { const power = 10 ** Math.floor(Math.log10(value)); return Math.ceil(value * 2 / power) * power / 2; };
    const thousands = (value) => value.toLocaleString("en");
    const line = { type: "line", showSymbol: curve.weeks.length < 30, symbolSize: 7 };
    chart.setOption({
      animation,
      textStyle: { fontFamily: FONT },
      color: ["#7fb0d9", "#0a4a86", "#b42318", "#8a5a00"],
      legend: { top: 0, left: 0, itemGap: 22, textStyle: { fontSize: TEXT, color: INK }, selectedMode: false },
      grid: { left: 8, right: 16, top: isLarge ? 100 : 64, bottom: 4, containLabel: true },
      tooltip: {
        ...tooltip, trigger: "axis", axisPointer: { type: "shadow" },
        formatter: (rows) => [curve.titles[rows[0].dataIndex] + "  " + rows[0].axisValue,
          ...rows.map((row) => row.seriesName + "  " + thousands(row.value) + " " + say.cards)].join("\n")
      },
      xAxis: { type: "category", data: curve.weeks, axisLabel: { fontSize: TEXT, color: INK, hideOverlap: true }, axisTick: { alignWithLabel: true } },
      yAxis: { type: "value", name: say.cards, nameGap: 12, nameTextStyle: { fontSize: TEXT, color: INK, align: "right" }, max: isFar ? round(tall * 1.1) : null, axisLabel: { fontSize: TEXT, color: INK, formatter: thousands }, splitLine: { lineStyle: { color: "#e6e9ee" } } },
      series: [
        { name: say.people, type: "bar", stack: "cards", data: curve.people, barMaxWidth: 34 },
        { name: say.units, type: "bar", stack: "cards", data: curve.units, barMaxWidth: 34 },
        { ...line, name: say.production, step: "middle", symbol: "rect", data: curve.production, lineStyle: { width: 3 }, clip: true },
        ...(curve.expected.some(Boolean) ? [{ ...line, name: say.expected, symbol: "triangle", data: curve.expected, lineStyle: { width: 2, type: "dashed" } }] : [])
      ]
    });
    box.dataset.drawn = "1";
  }

  const map = document.getElementById("campaign-map");
  const curve = document.getElementById("campaign-curve");
  const failed = (box) => () => { box.textContent = box.dataset.none || ""; };
  if (map) drawMap(map).catch(failed(map));
  if (curve) drawCurve(curve).catch(failed(curve));
}());
