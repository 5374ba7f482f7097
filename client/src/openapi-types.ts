// Generated from the server's OpenAPI document by `npm run generate -w client`; do not edit.

export interface paths {
    "/api/v1/auth/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a sign-up form needs to know */
        get: operations["getAuthConfig"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make an account and its API key
         * @description Without a mail server, and with an invitation: 201, the only answer that shows the first key; it also starts a session, as login does. With a mail server: 202, whether or not the address has an account; the account is made at `/auth/email/verify`.
         */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change the e-mail address
         * @description Mails a link to the new address; the old one stays until `/auth/email/verify` has proved the new one. Call it again for another link: a newer one voids the one before.
         */
        post: operations["requestEmailChange"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/email/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Prove an e-mail address by a mailed link
         * @description Each link works once, for 30 minutes. That of a sign-up makes the account: 201, the only answer that shows its first key, and a session is started. Send the `password` that the account is to have, chosen by whoever opens the link: without it the account gets the one sent to `/auth/register`, perhaps by somebody else. That of a change gives the account its new address: 204; it takes no password. A link is still good after a 422.
         */
        post: operations["verifyEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/email/verify/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mail the link of a sign-up again
         * @description For an address that has asked for an account within a day and not opened its link. The answer is the same for any address. For a change of address, call `/auth/email` again.
         */
        post: operations["resendVerification"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/password/forgot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Have a link mailed to choose a new password
         * @description The answer is the same whether or not the address has an account.
         */
        post: operations["forgotPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/password/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Choose a new password by a mailed link
         * @description Each link works once, for 30 minutes. Every session of the account ends. Its API key goes on working: if somebody else may know it, sign in and rotate it too.
         */
        post: operations["resetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchange e-mail and password for an access token
         * @description Sets the refresh cookie, and ends the session of a refresh cookie sent along.
         */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/reauthenticate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Prove the password again
         * @description For 15 minutes this session may then rotate keys and do the like.
         */
        post: operations["reauthenticate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is calling, and by which scheme */
        get: operations["getMe"];
        put?: never;
        post?: never;
        /**
         * Delete the account
         * @description Key, sessions, documents and audit log are gone at once and for good; `GET /me/export` saves them before. The e-mail address may sign up again, as a new account.
         */
        delete: operations["deleteAccount"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change the password
         * @description Ends every other session; this one goes on and counts as freshly signed in. The API key goes on working: if it may have leaked too, rotate it as well.
         */
        post: operations["changePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Download all that the account holds
         * @description A zip archive: `account.json` (the account, its key without the secret, sessions, usage), `documents/` with every document’s bytes, `documents.json` (what is known of each, with its path), and `events.json` (the audit log). Leaves an event.
         */
        get: operations["exportAccount"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sessions/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Where you are signed in */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        /** End all sessions but this one */
        delete: operations["endOtherSessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End one session
         * @description Its access token and its refresh cookie are refused from the next request on.
         */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchange the refresh cookie for a new access token
         * @description Replaces the cookie. Presenting the same cookie again within ten seconds gives the same answer, so tabs may refresh side by side; presenting an old one later ends the session.
         */
        post: operations["refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End the session
         * @description Ends the session of the refresh cookie and that of a Bearer token, and clears the cookie. Always 204.
         */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Rename a key, or say where it may be used from
         * @description An allowlist guards every use of the key from the next request on, and outlives rotations. The preview tells whom it would shut out.
         */
        patch: operations["changeApiKey"];
        trace?: never;
    };
    "/api/v1/api-keys/{id}/allowed-ips/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Whom an allowlist would shut out
         * @description Changes nothing. Looks at the addresses that have used the key in the last 30 days, the newest thousand; they appear a few seconds late.
         */
        post: operations["previewAllowedIps"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The account’s API key, masked */
        get: operations["listApiKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace a key
         * @description The old key is refused from the next request on. The new one is in this answer and nowhere else.
         */
        post: operations["rotateApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The account’s audit log
         * @description Who signed in, changed the key, the password or the address, and what was refused: when, from where and with what. Nothing is ever changed in it. Refusals appear a few seconds late.
         */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/usage/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Requests a day
         * @description By scheme and outcome; a few seconds late. Requests whose credential was refused with 401 belong to nobody and are not here.
         */
        get: operations["getUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. For proxies that hand a refusal on as it is: Caddy, HAProxy, Traefik, APISIX.
         */
        get: operations["decide"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward/api-key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request: keys only
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. For proxies that hand a refusal on as it is: Caddy, HAProxy, Traefik, APISIX.
         */
        get: operations["decideByKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward/bearer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request: Bearer tokens only
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. For proxies that hand a refusal on as it is: Caddy, HAProxy, Traefik, APISIX.
         */
        get: operations["decideByBearer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward/nginx": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request, for nginx
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. nginx understands 200, 401 and 403, so every other refusal is 403 here and `X-Inksong-Reason` has its code. A failure stays one: nginx makes 500 of it.
         */
        get: operations["decideForNginx"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward/nginx/api-key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request, for nginx: keys only
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. nginx understands 200, 401 and 403, so every other refusal is 403 here and `X-Inksong-Reason` has its code. A failure stays one: nginx makes 500 of it.
         */
        get: operations["decideForNginxByKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward/nginx/bearer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request, for nginx: Bearer tokens only
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. nginx understands 200, 401 and 403, so every other refusal is 403 here and `X-Inksong-Reason` has its code. A failure stays one: nginx makes 500 of it.
         */
        get: operations["decideForNginxByBearer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward/envoy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request, for Envoy
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. Takes any path and query behind it, which is where Envoy puts those of the request.
         */
        get: operations["decideForEnvoy"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward/envoy-api-key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request, for Envoy: keys only
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. Takes any path and query behind it, which is where Envoy puts those of the request.
         */
        get: operations["decideForEnvoyByKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/forward/envoy-bearer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decide about a request, for Envoy: Bearer tokens only
         * @description May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
         *     any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
         *     trusted one, or its address is the one that is judged. Takes any path and query behind it, which is where Envoy puts those of the request.
         */
        get: operations["decideForEnvoyByBearer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/documents/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or search documents */
        get: operations["listDocuments"];
        put?: never;
        /**
         * Upload a document
         * @description As a form with a file, or as JSON with text. With an Idempotency-Key, the same request sent again within 24 hours gets the first answer again instead of a second document.
         */
        post: operations["createDocument"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/documents/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is known of a document */
        get: operations["getDocument"];
        put?: never;
        post?: never;
        /** Delete a document */
        delete: operations["deleteDocument"];
        options?: never;
        head?: never;
        /** Change a document’s title */
        patch: operations["updateDocument"];
        trace?: never;
    };
    "/api/v1/documents/{id}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Download a document */
        get: operations["getDocumentContent"];
        /**
         * Replace a document’s bytes
         * @description The body is stored as it is, its Content-Type too. All or nothing: a broken upload changes nothing.
         */
        put: operations["replaceDocumentContent"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process runs */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether requests should be sent here: the database answers, its clock agrees, and no stop has begun */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Problem
         * @description RFC 9457 problem details.
         */
        Problem: {
            /**
             * Format: uri
             * @description Stable for each code.
             */
            type: string;
            title: string;
            status: number;
            /** @description What to change, for a person. */
            detail: string;
            /**
             * @description What a program should branch on.
             * @enum {unknown}
             */
            code: "invalid_request" | "link_invalid" | "invalid_credentials" | "session_required" | "api_key_required" | "reauthentication_required" | "origin_not_allowed" | "key_in_browser" | "address_not_allowed" | "signup_closed" | "https_required" | "not_found" | "method_not_allowed" | "request_timeout" | "email_taken" | "idempotency_in_progress" | "precondition_failed" | "content_too_large" | "unsupported_media_type" | "range_not_satisfiable" | "validation_failed" | "idempotency_key_reused" | "rate_limited" | "headers_too_large" | "internal_error" | "overloaded" | "unavailable" | "not_ready" | "quota_exceeded" | "storage_full";
            /** @description Also in X-Request-Id; quote it when asking for help. */
            request_id: string;
            errors?: {
                /** @description JSON Pointer (RFC 6901) into the request. */
                pointer: string;
                detail: string;
            }[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getAuthConfig: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The configuration. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {unknown} */
                        signup: "open" | "closed";
                        /** @description Whether sign-up is confirmed by mail. */
                        mail: boolean;
                        /** @example 15 */
                        password_min_length: number;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "new@example.com",
                 *       "password": "five unrelated words do well"
                 *     }
                 */
                "application/json": {
                    /** @example you@example.com */
                    email: string;
                    /**
                     * @description 15 to 1024 characters, any characters, not easily guessed.
                     * @example five unrelated words do well
                     */
                    password: string;
                    /** @description The token of a one-time link, where sign-up is closed. */
                    invitation?: string;
                };
            };
        };
        responses: {
            /** @description The account. Sets the refresh cookie. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        account: {
                            id: string;
                            email: string;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            created_at: string;
                        };
                        /** @description Shown this once. */
                        api_key: string;
                        /** @description A JWT; send it as `Authorization: Bearer`. */
                        access_token: string;
                        /** @enum {string} */
                        token_type: "bearer";
                        /**
                         * @description Seconds.
                         * @example 900
                         */
                        expires_in: number;
                    };
                };
            };
            /** @description A mail is on its way, if there is something to say to this address. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /**
                         * @description Where the mail goes.
                         * @example you@example.com
                         */
                        email: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_not_allowed`: Not allowed from this origin. `signup_closed`: Sign-up is by invitation. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `email_taken`: This e-mail address has an account. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: Too busy at this moment. `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    requestEmailChange: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "new@example.com"
                 *     }
                 */
                "application/json": {
                    /** @example you@example.com */
                    email: string;
                };
            };
        };
        responses: {
            /** @description A mail is on its way, if there is something to say to this address. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /**
                         * @description Where the mail goes.
                         * @example you@example.com
                         */
                        email: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `reauthentication_required`: The password must be proved again. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verifyEmail: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description From the mailed link: the 43 characters after `#token=`. */
                    token: string;
                    /**
                     * @description 15 to 1024 characters, any characters, not easily guessed.
                     * @example five unrelated words do well
                     */
                    password?: string;
                };
            };
        };
        responses: {
            /** @description The account. Sets the refresh cookie. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        account: {
                            id: string;
                            email: string;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            created_at: string;
                        };
                        /** @description Shown this once. */
                        api_key: string;
                        /** @description A JWT; send it as `Authorization: Bearer`. */
                        access_token: string;
                        /** @enum {string} */
                        token_type: "bearer";
                        /**
                         * @description Seconds.
                         * @example 900
                         */
                        expires_in: number;
                    };
                };
            };
            /** @description The address has changed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. `link_invalid`: The mailed link is not good any more. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_not_allowed`: Not allowed from this origin. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `email_taken`: This e-mail address has an account. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: Too busy at this moment. `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resendVerification: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "new@example.com"
                 *     }
                 */
                "application/json": {
                    /** @example you@example.com */
                    email: string;
                };
            };
        };
        responses: {
            /** @description A mail is on its way, if there is something to say to this address. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /**
                         * @description Where the mail goes.
                         * @example you@example.com
                         */
                        email: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    forgotPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "you@example.com"
                 *     }
                 */
                "application/json": {
                    /** @example you@example.com */
                    email: string;
                };
            };
        };
        responses: {
            /** @description A mail is on its way, if there is something to say to this address. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /**
                         * @description Where the mail goes.
                         * @example you@example.com
                         */
                        email: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resetPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "mB7kXw2PzQ9dLr4vTn6yHc1sJf8gUa3eKo5iRxYqWtE",
                 *       "new_password": "another five unrelated words"
                 *     }
                 */
                "application/json": {
                    /** @description From the mailed link: the 43 characters after `#token=`. */
                    token: string;
                    /**
                     * @description 15 to 1024 characters, any characters, not easily guessed.
                     * @example five unrelated words do well
                     */
                    new_password: string;
                };
            };
        };
        responses: {
            /** @description The password is set; sign in with it. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. `link_invalid`: The mailed link is not good any more. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: Too busy at this moment. `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "you@example.com",
                 *       "password": "five unrelated words do well"
                 *     }
                 */
                "application/json": {
                    /** @example you@example.com */
                    email: string;
                    /** @example five unrelated words do well */
                    password: string;
                };
            };
        };
        responses: {
            /** @description The access token. Sets the refresh cookie. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description A JWT; send it as `Authorization: Bearer`. */
                        access_token: string;
                        /** @enum {string} */
                        token_type: "bearer";
                        /**
                         * @description Seconds.
                         * @example 900
                         */
                        expires_in: number;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_not_allowed`: Not allowed from this origin. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: Too busy at this moment. `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reauthenticate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "five unrelated words do well"
                 *     }
                 */
                "application/json": {
                    /** @example five unrelated words do well */
                    password: string;
                };
            };
        };
        responses: {
            /** @description Proved. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: Too busy at this moment. `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        email: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        created_at: string;
                        /** @enum {unknown} */
                        scheme: "api_key" | "bearer";
                        api_key_id?: string;
                        session_id?: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `reauthentication_required`: The password must be proved again. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "current_password": "five unrelated words do well",
                 *       "new_password": "seven other words would do better"
                 *     }
                 */
                "application/json": {
                    current_password: string;
                    /** @description 15 to 1024 characters, any characters, hard to guess. */
                    new_password: string;
                };
            };
        };
        responses: {
            /** @description Changed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: Too busy at this moment. `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    exportAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The archive. It is made while it is sent, so its length is not known before. */
            200: {
                headers: {
                    /** @description An attachment. */
                    "Content-Disposition"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/zip": string;
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `reauthentication_required`: The password must be proved again. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The live sessions, newest activity first; 1000 at most. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "ses_9f86d081884c7d659a2feaa0c55ad015",
                     *           "address": "203.0.113.7",
                     *           "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                     *           "device": "Firefox on Linux",
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "last_active_at": "2026-01-31T12:30:00.000Z",
                     *           "current": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        items: {
                            id: string;
                            /** @description Where it was last active. */
                            address: string;
                            /** @description What the client called itself when it signed in. */
                            user_agent: string;
                            /**
                             * @description The same for people.
                             * @example Firefox on Linux
                             */
                            device: string;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            created_at: string;
                            /**
                             * Format: date-time
                             * @description A few seconds late.
                             */
                            last_active_at: string;
                            /** @description Whether it is the session that asks. */
                            current: boolean;
                        }[];
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endOtherSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They have ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The access token. Sets the refresh cookie. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description A JWT; send it as `Authorization: Bearer`. */
                        access_token: string;
                        /** @enum {string} */
                        token_type: "bearer";
                        /**
                         * @description Seconds.
                         * @example 900
                         */
                        expires_in: number;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_not_allowed`: Not allowed from this origin. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Signed out. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_not_allowed`: Not allowed from this origin. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Nightly import",
                 *       "allowed_ips": [
                 *         "203.0.113.0/24",
                 *         "2001:db8::7"
                 *       ]
                 *     }
                 */
                "application/json": {
                    name?: string;
                    /**
                     * @description IPv4 and IPv6 addresses and CIDRs, from which alone the key may be used; null: from any address. Host bits, leading zeros, zones and IPv4 written as IPv6 are refused, since programs read them differently.
                     * @example [
                     *       "203.0.113.0/24",
                     *       "2001:db8::7"
                     *     ]
                     * @example null
                     */
                    allowed_ips?: string[] | null;
                };
            };
        };
        responses: {
            /** @description The key as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        name: string;
                        /**
                         * @description All of the key that is ever shown again.
                         * @example ink_1a2b…9f0e
                         */
                        hint: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        created_at: string;
                        rotated_at: string | null;
                        /** @description A few seconds late. */
                        last_used_at: string | null;
                        last_used_ip: string | null;
                        /**
                         * @description Addresses and CIDRs that may use the key; null: any may.
                         * @example [
                         *       "203.0.113.0/24",
                         *       "2001:db8::7"
                         *     ]
                         */
                        allowed_ips: string[] | null;
                        /** @description Who still uses a key from before the last rotation; a few seconds late. */
                        retired: {
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            rotated_at: string;
                            /** @description Requests refused since then for a former key. */
                            attempts: number;
                            last_attempt_at: string | null;
                            last_attempt_ip: string | null;
                        } | null;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `reauthentication_required`: The password must be proved again. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewAllowedIps: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "allowed_ips": [
                 *         "203.0.113.0/24",
                 *         "2001:db8::7"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /**
                     * @description IPv4 and IPv6 addresses and CIDRs, from which alone the key may be used; null: from any address. Host bits, leading zeros, zones and IPv4 written as IPv6 are refused, since programs read them differently.
                     * @example [
                     *       "203.0.113.0/24",
                     *       "2001:db8::7"
                     *     ]
                     * @example null
                     */
                    allowed_ips: string[] | null;
                };
            };
        };
        responses: {
            /** @description What the list would do. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "allowed_ips": [
                     *         "203.0.113.0/24",
                     *         "2001:db8::7"
                     *       ],
                     *       "your_address": "203.0.113.7",
                     *       "shut_out": [
                     *         {
                     *           "address": "198.51.100.4",
                     *           "last_used_at": "2026-01-31T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /**
                         * @description Addresses and CIDRs that may use the key; null: any may.
                         * @example [
                         *       "203.0.113.0/24",
                         *       "2001:db8::7"
                         *     ]
                         */
                        allowed_ips: string[] | null;
                        /** @description Where this request came from; null when that cannot be told. */
                        your_address: string | null;
                        /** @description Addresses that have used the key and no longer could, the latest first. */
                        shut_out: {
                            address: string;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            last_used_at: string;
                        }[];
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listApiKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            id: string;
                            name: string;
                            /**
                             * @description All of the key that is ever shown again.
                             * @example ink_1a2b…9f0e
                             */
                            hint: string;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            created_at: string;
                            rotated_at: string | null;
                            /** @description A few seconds late. */
                            last_used_at: string | null;
                            last_used_ip: string | null;
                            /**
                             * @description Addresses and CIDRs that may use the key; null: any may.
                             * @example [
                             *       "203.0.113.0/24",
                             *       "2001:db8::7"
                             *     ]
                             */
                            allowed_ips: string[] | null;
                            /** @description Who still uses a key from before the last rotation; a few seconds late. */
                            retired: {
                                /**
                                 * Format: date-time
                                 * @example 2026-01-31T12:00:00.000Z
                                 */
                                rotated_at: string;
                                /** @description Requests refused since then for a former key. */
                                attempts: number;
                                last_attempt_at: string | null;
                                last_attempt_ip: string | null;
                            } | null;
                        }[];
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rotateApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "reason": "pasted into a chat"
                 *     }
                 */
                "application/json": {
                    /** @description Kept in the audit log. */
                    reason?: string;
                };
            };
        };
        responses: {
            /** @description The key with its new secret. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        name: string;
                        /**
                         * @description All of the key that is ever shown again.
                         * @example ink_1a2b…9f0e
                         */
                        hint: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        created_at: string;
                        rotated_at: string | null;
                        /** @description A few seconds late. */
                        last_used_at: string | null;
                        last_used_ip: string | null;
                        /**
                         * @description Addresses and CIDRs that may use the key; null: any may.
                         * @example [
                         *       "203.0.113.0/24",
                         *       "2001:db8::7"
                         *     ]
                         */
                        allowed_ips: string[] | null;
                        /** @description Who still uses a key from before the last rotation; a few seconds late. */
                        retired: {
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            rotated_at: string;
                            /** @description Requests refused since then for a former key. */
                            attempts: number;
                            last_attempt_at: string | null;
                            last_attempt_ip: string | null;
                        } | null;
                        /** @description Shown this once. */
                        api_key: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `reauthentication_required`: The password must be proved again. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Only events of this one kind. */
                kind?: "account_registered" | "account_disabled" | "account_enabled" | "signed_in" | "signed_out" | "reauthenticated" | "session_ended" | "other_sessions_ended" | "all_sessions_ended" | "refresh_reuse" | "api_key_rotated" | "api_key_renamed" | "allowlist_changed" | "password_changed" | "password_reset" | "reset_link_issued" | "email_change_requested" | "email_changed" | "data_exported" | "sign_in_failed" | "reauthentication_failed" | "key_in_browser" | "address_refused" | "limit_reached";
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of events, newest first. */
            200: {
                headers: {
                    /** @description RFC 8288: the next page, as `rel="next"`. */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "evt_9f86d081884c7d659a2feaa0c55ad015",
                     *           "kind": "api_key_rotated",
                     *           "at": "2026-01-31T12:00:00.000Z",
                     *           "last_at": "2026-01-31T12:00:00.000Z",
                     *           "count": 1,
                     *           "address": "203.0.113.7",
                     *           "user_agent": "Mozilla/5.0",
                     *           "session_id": "ses_2c26b46b68ffc68ff99b453c1d304134",
                     *           "api_key_id": "key_fcde2b2edba56bf408601fb721fe9b5c",
                     *           "details": {
                     *             "reason": "pasted into a chat"
                     *           }
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": {
                        items: {
                            id: string;
                            /** @enum {unknown} */
                            kind: "account_registered" | "account_disabled" | "account_enabled" | "signed_in" | "signed_out" | "reauthenticated" | "session_ended" | "other_sessions_ended" | "all_sessions_ended" | "refresh_reuse" | "api_key_rotated" | "api_key_renamed" | "allowlist_changed" | "password_changed" | "password_reset" | "reset_link_issued" | "email_change_requested" | "email_changed" | "data_exported" | "sign_in_failed" | "reauthentication_failed" | "key_in_browser" | "address_refused" | "limit_reached";
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            at: string;
                            /**
                             * Format: date-time
                             * @description When it happened last; `at`, unless it was gathered.
                             */
                            last_at: string;
                            /** @description How often: refusals of one kind from one address within an hour are one event. */
                            count: number;
                            /** @description Null when an operator did it, when there were too many addresses to tell apart, and once the event has grown old. */
                            address: string | null;
                            user_agent: string | null;
                            session_id: string | null;
                            api_key_id: string | null;
                            details: {
                                [key: string]: string;
                            };
                        }[];
                        /** @description Null on the last page. */
                        next_cursor: string | null;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getUsage: {
        parameters: {
            query?: {
                days?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One entry a day up to today, oldest first, days without a request included. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "days": [
                     *         {
                     *           "day": "2026-01-31",
                     *           "api_key": {
                     *             "success": 1312,
                     *             "refused": 4,
                     *             "failed": 0
                     *           },
                     *           "bearer": {
                     *             "success": 57,
                     *             "refused": 0,
                     *             "failed": 0
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        days: {
                            /**
                             * Format: date
                             * @description UTC.
                             * @example 2026-01-31
                             */
                            day: string;
                            /** @description With X-API-Key. */
                            api_key: {
                                /** @description Answered with 2xx or 3xx. */
                                success: number;
                                /** @description Answered with 4xx. */
                                refused: number;
                                /** @description Answered with 5xx. */
                                failed: number;
                            };
                            /** @description With a Bearer token. */
                            bearer: {
                                /** @description Answered with 2xx or 3xx. */
                                success: number;
                                /** @description Answered with 4xx. */
                                refused: number;
                                /** @description Answered with 5xx. */
                                failed: number;
                            };
                        }[];
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decide: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decideByKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `api_key_required`: A Bearer token cannot do this; send an API key. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decideByBearer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decideForNginx: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `invalid_request`: The request cannot be understood. `key_in_browser`: An API key does not belong in a browser. `rate_limited`: Too many requests; wait. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decideForNginxByKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `api_key_required`: A Bearer token cannot do this; send an API key. `invalid_request`: The request cannot be understood. `key_in_browser`: An API key does not belong in a browser. `rate_limited`: Too many requests; wait. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decideForNginxByBearer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `invalid_request`: The request cannot be understood. `key_in_browser`: An API key does not belong in a browser. `rate_limited`: Too many requests; wait. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decideForEnvoy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decideForEnvoyByKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `api_key_required`: A Bearer token cannot do this; send an API key. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decideForEnvoyByBearer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let it through, with these headers in place of any that came with it. */
            200: {
                headers: {
                    /** @description E-mail address, percent-encoded. */
                    "X-Inksong-User"?: string;
                    /** @description Account. */
                    "X-Inksong-User-Id"?: string;
                    /** @description `api_key` or `bearer`. */
                    "X-Inksong-Scheme"?: string;
                    /** @description Empty for a Bearer token. */
                    "X-Inksong-Key-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. `session_required`: An API key cannot do this; sign in. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDocuments: {
        parameters: {
            query?: {
                /** @description Part of the title, in any letter case. */
                q?: string;
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of documents, newest first. */
            200: {
                headers: {
                    /** @description RFC 8288: the next page, as `rel="next"`. */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "doc_9f86d081884c7d659a2feaa0c55ad015",
                     *           "title": "Minutes of March",
                     *           "filename": "minutes.md",
                     *           "content_type": "text/markdown",
                     *           "size": 5,
                     *           "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "updated_at": "2026-01-31T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": {
                        items: {
                            id: string;
                            title: string;
                            filename: string;
                            content_type: string;
                            /** @description Bytes. */
                            size: number;
                            /** @description Of the bytes; in quotes, it is their ETag. */
                            sha256: string;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            created_at: string;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            updated_at: string;
                        }[];
                        /** @description Null on the last page. */
                        next_cursor: string | null;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDocument: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any name that your program gives to this one upload, such as a UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": {
                    /**
                     * Format: binary
                     * @description Exactly one file, of any type.
                     */
                    file: string;
                    /** @description Default: the file’s name. */
                    title?: string;
                };
                /**
                 * @example {
                 *       "title": "Minutes of March",
                 *       "content": "# March\n",
                 *       "content_type": "text/markdown"
                 *     }
                 */
                "application/json": {
                    /** @description No control characters. */
                    title: string;
                    /** @description Text, stored as UTF-8. The whole body may have 1 MiB. */
                    content: string;
                    content_type?: string;
                };
            };
        };
        responses: {
            /** @description The new document. */
            201: {
                headers: {
                    /** @description Where the document is. */
                    Location?: string;
                    /** @description Of the document’s bytes; send it back in If-Match. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "doc_9f86d081884c7d659a2feaa0c55ad015",
                     *       "title": "Minutes of March",
                     *       "filename": "minutes.md",
                     *       "content_type": "text/markdown",
                     *       "size": 5,
                     *       "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                     *       "created_at": "2026-01-31T12:00:00.000Z",
                     *       "updated_at": "2026-01-31T12:00:00.000Z"
                     *     }
                     */
                    "application/json": {
                        id: string;
                        title: string;
                        filename: string;
                        content_type: string;
                        /** @description Bytes. */
                        size: number;
                        /** @description Of the bytes; in quotes, it is their ETag. */
                        sha256: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        created_at: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        updated_at: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_in_progress`: The same request is still in progress. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: This Idempotency-Key was used for another request. `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `quota_exceeded`: The account has no room left. `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDocument: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "doc_9f86d081884c7d659a2feaa0c55ad015",
                     *       "title": "Minutes of March",
                     *       "filename": "minutes.md",
                     *       "content_type": "text/markdown",
                     *       "size": 5,
                     *       "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                     *       "created_at": "2026-01-31T12:00:00.000Z",
                     *       "updated_at": "2026-01-31T12:00:00.000Z"
                     *     }
                     */
                    "application/json": {
                        id: string;
                        title: string;
                        filename: string;
                        content_type: string;
                        /** @description Bytes. */
                        size: number;
                        /** @description Of the bytes; in quotes, it is their ETag. */
                        sha256: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        created_at: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        updated_at: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDocument: {
        parameters: {
            query?: never;
            header?: {
                /** @description Do it only while the document’s bytes have one of these ETags (RFC 9110). */
                "if-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `precondition_failed`: The document has changed. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    updateDocument: {
        parameters: {
            query?: never;
            header?: {
                /** @description Do it only while the document’s bytes have one of these ETags (RFC 9110). */
                "if-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "title": "Minutes of April"
                 *     }
                 */
                "application/json": {
                    /** @description No control characters. */
                    title: string;
                };
            };
        };
        responses: {
            /** @description The document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "doc_9f86d081884c7d659a2feaa0c55ad015",
                     *       "title": "Minutes of March",
                     *       "filename": "minutes.md",
                     *       "content_type": "text/markdown",
                     *       "size": 5,
                     *       "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                     *       "created_at": "2026-01-31T12:00:00.000Z",
                     *       "updated_at": "2026-01-31T12:00:00.000Z"
                     *     }
                     */
                    "application/json": {
                        id: string;
                        title: string;
                        filename: string;
                        content_type: string;
                        /** @description Bytes. */
                        size: number;
                        /** @description Of the bytes; in quotes, it is their ETag. */
                        sha256: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        created_at: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        updated_at: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `precondition_failed`: The document has changed. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: This content type is not supported here. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `validation_failed`: Something in the request is not allowed. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDocumentContent: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETags of bytes that need not be sent again. */
                "if-none-match"?: string;
                /** @description One range of bytes; several are answered with all bytes. */
                range?: string;
                /** @description The ETag that Range is about. */
                "if-range"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bytes. */
            200: {
                headers: {
                    /** @description The SHA-256 of the bytes, in quotes. */
                    ETag?: string;
                    /** @description Always an attachment, with the file’s name (RFC 6266). */
                    "Content-Disposition"?: string;
                    /** @description `bytes` */
                    "Accept-Ranges"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "*/*": string;
                };
            };
            /** @description The range asked for. */
            206: {
                headers: {
                    /** @description The SHA-256 of the bytes, in quotes. */
                    ETag?: string;
                    /** @description Always an attachment, with the file’s name (RFC 6266). */
                    "Content-Disposition"?: string;
                    /** @description `bytes` */
                    "Accept-Ranges"?: string;
                    /** @description Which bytes of how many. */
                    "Content-Range"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "*/*": string;
                };
            };
            /** @description The caller has these bytes. */
            304: {
                headers: {
                    /** @description The SHA-256 of the bytes, in quotes. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `range_not_satisfiable`: The range lies outside the document. */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceDocumentContent: {
        parameters: {
            query?: never;
            header?: {
                /** @description Do it only while the document’s bytes have one of these ETags (RFC 9110). */
                "if-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "*/*": string;
            };
        };
        responses: {
            /** @description The document with its new bytes. */
            200: {
                headers: {
                    /** @description Of the document’s bytes; send it back in If-Match. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "doc_9f86d081884c7d659a2feaa0c55ad015",
                     *       "title": "Minutes of March",
                     *       "filename": "minutes.md",
                     *       "content_type": "text/markdown",
                     *       "size": 5,
                     *       "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                     *       "created_at": "2026-01-31T12:00:00.000Z",
                     *       "updated_at": "2026-01-31T12:00:00.000Z"
                     *     }
                     */
                    "application/json": {
                        id: string;
                        title: string;
                        filename: string;
                        content_type: string;
                        /** @description Bytes. */
                        size: number;
                        /** @description Of the bytes; in quotes, it is their ETag. */
                        sha256: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        created_at: string;
                        /**
                         * Format: date-time
                         * @example 2026-01-31T12:00:00.000Z
                         */
                        updated_at: string;
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: No valid credentials. */
            401: {
                headers: {
                    /** @description The challenge. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `address_not_allowed`: This API key is not allowed from this address. `key_in_browser`: An API key does not belong in a browser. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is nothing here. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `precondition_failed`: The document has changed. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `content_too_large`: Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; wait. */
            429: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    /** @description Where you stand with each limit. */
                    RateLimit?: string;
                    /** @description The limits. */
                    "RateLimit-Policy"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `quota_exceeded`: The account has no room left. `storage_full`: The server has no room left. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All is well. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        status: "ok";
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All is well. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        status: "ok";
                    };
                };
            };
            /** @description `invalid_request`: The request cannot be understood. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: Something went wrong on our side. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_ready`: Requests should be sent elsewhere. `unavailable`: The database cannot be reached. */
            503: {
                headers: {
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
