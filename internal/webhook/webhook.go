// Package webhook tells a program of something by HTTP: one POST of JSON, signed, and no redirect followed. When and how
// often is its caller's matter.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Timeout is how long one request may take.
const Timeout = 10 * time.Second

// Client follows no redirect: where an address was given, what is sent goes there and nowhere else.
func Client() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Post sends a body that is JSON. An error is that it was not taken: what was not answered by 2yz.
func Post(ctx context.Context, client *http.Client, target, secret string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return errors.New("its URL cannot be read") // it may hold a secret, and the error would repeat it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Parley")
	if secret != "" {
		req.Header.Set("Parley-Signature", Sign(secret, time.Now(), body))
	}
	resp, err := client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the URL's path may be a secret
		}
		return err
	}
	defer resp.Body.Close()
	const most = 64 << 10
	io.Copy(io.Discard, io.LimitReader(resp.Body, most))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// Sign is what Parley-Signature says of a body, for those who check it: "t=SECONDS,v1=HEX", the HMAC-SHA256 of
// "SECONDS." and the body.
func Sign(secret string, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
