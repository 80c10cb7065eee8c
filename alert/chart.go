package alert

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
)

// A chart is the last day of a group, or of what is watched.
type chart struct {
	watch  bool
	values [bars]float64 // the most of each part of the day
	bad    [bars]bool
	known  [bars]bool
	now    int // how many fire
	well   int
	ill    int
}

const (
	bars        = 144 // of ten minutes
	chartWidth  = 1200
	chartHeight = 240 // twice what is shown, for screens with fine dots
)

// chartOf reads the chart of a group; nil: there is nothing to show.
func (t *tx) chartOf(ctx context.Context, g *group, now time.Time) (*chart, error) {
	c := new(chart)
	series := "group/" + g.key
	for _, rows := range [][]row{g.news, g.firing} {
		for i := range rows {
			if name := rows[i].Labels["watch"]; name != "" && strings.HasPrefix(rows[i].Labels["source"], "parley") {
				series, c.watch = "watch/"+name, true
			}
		}
	}
	begin := now.Add(-24 * time.Hour)
	value, at, n := 0.0, 0, 0
	fill := func(to int) {
		for ; !c.watch && at < to; at++ { // how many fire stays until it changes
			c.values[at], c.bad[at], c.known[at] = max(c.values[at], value), value > 0 || c.bad[at], true
		}
	}
	err := t.Each(ctx, "SELECT at, value, bad FROM parley_alert_samples WHERE series = ? AND at > ? ORDER BY at", []any{series, begin.UnixMilli()}, func(scan func(...any) error) error {
		var ms, bad int64
		var v float64
		if err := scan(&ms, &v, &bad); err != nil {
			return err
		}
		i := min(max(int(timeOf(ms).Sub(begin)*bars/(24*time.Hour)), 0), bars-1)
		fill(i)
		n++
		value = v
		c.values[i], c.bad[i], c.known[i] = max(c.values[i], v), c.bad[i] || bad > 0, true
		if bad > 0 {
			c.ill++
		} else {
			c.well++
		}
		return nil
	})
	fill(bars)
	c.now = int(value)
	most := 0.0
	for _, v := range c.values {
		most = max(most, v)
	}
	if err != nil || n == 0 || !c.watch && most == 0 {
		return nil, err // nothing has fired
	}
	return c, nil
}

// png draws it, and words it for those who do not see it.
func (c *chart) png(lang diagnose.Lang, _ time.Time) (picture []byte, alt string, err error) {
	palette := color.Palette{
		color.RGBA{0xf7, 0xf7, 0xf8, 0xff}, color.RGBA{0xd8, 0xd8, 0xdc, 0xff}, color.RGBA{0x2e, 0x7d, 0x4f, 0xff}, color.RGBA{0xb3, 0x26, 0x1e, 0xff},
	}
	img := image.NewPaletted(image.Rect(0, 0, chartWidth, chartHeight), palette)
	for hour := 0; hour <= 24; hour += 6 {
		fillRect(img, min(hour*chartWidth/24, chartWidth-2), 0, 2, chartHeight, 1)
	}
	most := 0.0
	for _, v := range c.values {
		most = max(most, v)
	}
	const foot = 6
	for i, v := range c.values {
		if !c.known[i] {
			continue
		}
		height, ink := foot, uint8(2)
		if most > 0 {
			height += int(v / most * (chartHeight - 30))
		}
		if c.bad[i] {
			ink = 3
			if c.watch {
				height = max(height, chartHeight/3)
			}
		}
		x := i * chartWidth / bars
		fillRect(img, x, chartHeight-height, (i+1)*chartWidth/bars-x, height, ink)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, "", err
	}
	if c.watch {
		return b.Bytes(), say(wordChartWatch, lang, c.well, c.ill), nil
	}
	return b.Bytes(), say(wordChartGroup, lang, c.now, int(most)), nil
}

func fillRect(img *image.Paletted, x, y, w, h int, ink uint8) {
	for j := max(y, 0); j < min(y+h, chartHeight); j++ {
		for i := max(x, 0); i < min(x+w, chartWidth); i++ {
			img.SetColorIndex(i, j, ink)
		}
	}
}
