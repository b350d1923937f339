// Collector: any Stats, by the types of its fields.

package metrics

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector returns a collector of the fields of what stats returns, a struct. It
// calls stats once for each scrape, on the goroutine of that. prefix begins the
// names of all metrics. It panics where a field is of a type that it does not
// know, which is a mistake of the program.
func Collector[T any](prefix string, stats func() T) prometheus.Collector {
	c := &collector{read: func() reflect.Value { return reflect.ValueOf(stats()) }}
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		c.field(prefix, t, i)
	}
	return c
}

// Value returns a gauge of one number that a function returns: how many are in a
// Hub, say.
func Value(name, help string, read func() int) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(read()) })
}

type collector struct {
	read    func() reflect.Value
	metrics []metric
}

// A metric is one number of the struct.
type metric struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	index  []int // of the field
	at     int   // in it, if it is an array; else -1
	labels []string
}

var duration = reflect.TypeFor[time.Duration]()

// field adds the metrics of field i of t.
func (c *collector) field(prefix string, t reflect.Type, i int) {
	f := t.Field(i)
	if !f.IsExported() {
		return
	}
	name := prefix + "_" + snake(f.Name)
	help := fmt.Sprintf("See %s.%s.", t, f.Name)
	switch kind := f.Type.Kind(); {
	case kind == reflect.Struct:
		for j := range f.Type.NumField() {
			inner := f.Type.Field(j)
			full, typ := named(name, inner.Type)
			c.add(full, help, typ, []int{i, j}, -1, "name", snake(inner.Name))
		}
	case kind == reflect.Array:
		full, typ := named(name, f.Type.Elem())
		for j := range f.Type.Len() {
			c.add(full, help, typ, []int{i}, j, "class", strconv.Itoa(j))
		}
	default:
		full, typ := named(name, f.Type)
		c.add(full, help, typ, []int{i}, -1)
	}
}

// named finishes a metric's name by its type.
func named(name string, t reflect.Type) (string, prometheus.ValueType) {
	switch {
	case t == duration:
		return name + "_seconds", prometheus.GaugeValue
	case t.Kind() == reflect.Uint64:
		return name + "_total", prometheus.CounterValue
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64, t.Kind() == reflect.Bool:
		return name, prometheus.GaugeValue
	}
	panic(fmt.Sprintf("metrics: %s is of type %s", name, t))
}

// add adds one metric; label is empty, or a name and a value.
func (c *collector) add(name, help string, kind prometheus.ValueType, index []int, at int, label ...string) {
	m := metric{kind: kind, index: index, at: at}
	var names []string
	if len(label) == 2 {
		names, m.labels = label[:1], label[1:]
	}
	m.desc = prometheus.NewDesc(name, help, names, nil)
	c.metrics = append(c.metrics, m)
}

// Describe is part of prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	seen := make(map[string]bool)
	for _, m := range c.metrics {
		if s := m.desc.String(); !seen[s] {
			seen[s] = true
			to <- m.desc
		}
	}
}

// Collect is part of prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	stats := c.read()
	for _, m := range c.metrics {
		v := stats.FieldByIndex(m.index)
		if m.at >= 0 {
			v = v.Index(m.at)
		}
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, number(v), m.labels...)
	}
}

func number(v reflect.Value) float64 {
	switch {
	case v.Type() == duration:
		return time.Duration(v.Int()).Seconds()
	case v.Kind() == reflect.Uint64:
		return float64(v.Uint())
	case v.Kind() == reflect.Bool:
		if v.Bool() {
			return 1
		}
		return 0
	}
	return float64(v.Int())
}

// snake returns a Go name as Prometheus writes names: MaxConns is max_conns, BytesIn
// bytes_in.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
