// Generated from the Go structs of protocol by `go generate ./protocol`. Do not edit.
// @ts-check

/** The protocol version these types describe. */
export const PROTOCOL_VERSION = 1;

/** The WebSocket subprotocol. */
export const SUBPROTOCOL = "conclave.v1";

/** Limits of the protocol document: bytes of messages, characters of texts, elements of lists. */
export const LIMITS = Object.freeze({
  message: 16384,
  offer: 262144,
  mediaLines: 128,
  wants: 64,
  participants: 256,
  name: 64,
  title: 80,
  chat: 2000,
  password: 128,
  height: 4320,
  relay: 524288,
  relayTo: 1000,
  relayed: 2048,
  announce: 512,
  broadcasted: 12288,
  commit: 1048576,
  entry: 131072,
  proposal: 4096,
  keyPackage: 2048,
  forJoiners: 524288,
  added: 64,
});

/** @typedef {"camera" | "mic" | "screen" | "screen_audio"} Source */

/** @typedef {"clap" | "heart" | "laugh" | "party" | "surprise" | "thumbs_up"} ReactionKind */

/** @typedef {"cohost" | "host" | "participant" | "viewer"} Role */

/** @typedef {"app" | "chat" | "group" | "reaction"} BroadcastKind */

/** @typedef {"bot" | "egress" | "guest" | "ingest" | "person"} Kind */

/** @typedef {"admit" | "chat" | "end" | "lock" | "mute_others" | "publish_camera" | "publish_mic" | "publish_screen" | "remove" | "roles" | "spotlight"} Permission */

/** @typedef {"bandwidth" | "codec" | "muted" | "no_slot" | "not_published" | "server"} WithheldReason */

/** @typedef {"" | "f" | "h" | "q"} RID */

/** @typedef {"idle" | "left" | "lost" | "removed" | "replaced"} LeftReason */

/** @typedef {"not_encrypted"} RefusedReason */

/** @typedef {"dtls_closed" | "dtls_failed" | "dtls_timeout" | "fingerprint_mismatch" | "ice_timeout" | "no_common_srtp_profile" | "udp_blocked"} MediaFailure */

/** @typedef {"no_codec" | "no_rtcp_mux" | "not_media" | "not_named" | "receives_only" | "too_many_slots" | "unknown_rids"} WarningKind */

/** @typedef {"audit_resumed" | "audit_stopped" | "expiring" | "restarting"} NoticeKind */

/** @typedef {"banned" | "denied" | "ended" | "expired" | "idle" | "internal" | "left" | "media_failed" | "protocol_error" | "rate_limited" | "removed" | "replaced" | "shutting_down" | "signed_out" | "slow_reader"} ByeReason */

/** @typedef {"already_joined" | "audit_unavailable" | "bad_json" | "bad_offer" | "bad_origin" | "banned" | "challenge_expired" | "code_expired" | "e2ee_required" | "https_only" | "identity_present" | "internal" | "invalid_code" | "invalid_email" | "invalid_request" | "log_gone" | "meeting_full" | "meeting_locked" | "method_not_allowed" | "no_media" | "no_such_meeting" | "no_such_participant" | "not_allowed" | "not_found" | "not_joined" | "not_permitted" | "not_taken" | "proof_needed" | "rate_limited" | "resume_failed" | "server_full" | "too_large" | "unauthenticated" | "unknown_host" | "unknown_type" | "version" | "wrong_password"} ErrorID */

/** @typedef {"failing" | "mail" | "terminal"} Delivery */

/** @typedef {"end" | "keep" | "promote"} LeavePolicy */

/**
 * @typedef {object} Join
 * @property {"join"} type
 * @property {number} id 1..2147483647
 * @property {number} version
 * @property {string} meeting
 * @property {string} name 0..64
 * @property {string} [announce] 33..512 bytes, base64url
 * @property {string} [admit] 1..1024 bytes, base64url
 * @property {boolean} [switch]
 * @property {string} [password] 1..128
 * @property {string} [resume] 64..64
 */

/**
 * @typedef {object} Track
 * @property {string} mid 1..16
 * @property {Source} source
 */

/**
 * @typedef {object} Offer
 * @property {"offer"} type
 * @property {number} id 1..2147483647
 * @property {string} sdp 1..262144
 * @property {Track[]} tracks 0..4
 */

/**
 * @typedef {object} Media
 * @property {"media"} type
 * @property {number} id 1..2147483647
 * @property {Source[]} sources 0..4
 */

/**
 * @typedef {object} Want
 * @property {number} participant 1..4294967295
 * @property {Source} source
 * @property {number} height 1..4320
 */

/**
 * @typedef {object} View
 * @property {"view"} type
 * @property {number} id 1..2147483647
 * @property {Want[]} wants 0..64
 */

/**
 * @typedef {object} Chat
 * @property {"chat"} type
 * @property {number} id 1..2147483647
 * @property {string} text 1..2000
 * @property {number} [to] 1..4294967295
 */

/**
 * @typedef {object} App
 * @property {"app"} type
 * @property {number} id 1..2147483647
 * @property {string} text 1..8000
 * @property {number} [to] 1..4294967295
 */

/**
 * @typedef {object} React
 * @property {"react"} type
 * @property {number} id 1..2147483647
 * @property {ReactionKind} reaction
 */

/**
 * @typedef {object} Hand
 * @property {"hand"} type
 * @property {number} id 1..2147483647
 * @property {boolean} raised
 * @property {number} [participant] 1..4294967295
 * @property {boolean} [all]
 */

/**
 * @typedef {object} Admission
 * @property {number} participant 1..4294967295
 * @property {string} admit 1..1024 bytes, base64url
 */

/**
 * @typedef {object} Admit
 * @property {"admit"} type
 * @property {number} id 1..2147483647
 * @property {number[]} [participants] 1..256
 * @property {boolean} [all]
 * @property {Admission[]} [admissions] 1..256
 */

/**
 * @typedef {object} Deny
 * @property {"deny"} type
 * @property {number} id 1..2147483647
 * @property {number[]} participants 1..256
 */

/**
 * @typedef {object} Mute
 * @property {"mute"} type
 * @property {number} id 1..2147483647
 * @property {number[]} [participants] 1..256
 * @property {boolean} [all]
 * @property {Source[]} sources 1..4
 */

/**
 * @typedef {object} AskUnmute
 * @property {"ask_unmute"} type
 * @property {number} id 1..2147483647
 * @property {number[]} participants 1..256
 * @property {Source[]} sources 1..4
 */

/**
 * @typedef {object} Remove
 * @property {"remove"} type
 * @property {number} id 1..2147483647
 * @property {number[]} participants 1..256
 * @property {boolean} [ban]
 */

/**
 * @typedef {object} SetRole
 * @property {"role"} type
 * @property {number} id 1..2147483647
 * @property {number} participant 1..4294967295
 * @property {Role} role
 */

/**
 * @typedef {object} Spotlight
 * @property {"spotlight"} type
 * @property {number} id 1..2147483647
 * @property {number} participant 0..4294967295
 */

/**
 * @typedef {object} Timer
 * @property {"timer"} type
 * @property {number} id 1..2147483647
 * @property {number} [in_s] 0..86400
 * @property {number} [add_s] 1..3600
 */

/**
 * @typedef {object} SetPolicy
 * @property {"policy"} type
 * @property {number} id 1..2147483647
 * @property {boolean} [locked]
 * @property {boolean} [lobby]
 */

/**
 * @typedef {object} RelayOne
 * @property {number} participant 1..4294967295
 * @property {string} data 1..2048 bytes, base64url
 */

/**
 * @typedef {object} Relay
 * @property {"relay"} type
 * @property {number} id 1..2147483647
 * @property {RelayOne[]} to 1..1000
 */

/**
 * @typedef {object} Broadcast
 * @property {"broadcast"} type
 * @property {number} id 1..2147483647
 * @property {BroadcastKind} kind
 * @property {string} data 1..12288 bytes, base64url
 */

/**
 * @typedef {object} FoundGroup
 * @property {"found"} type
 * @property {number} id 1..2147483647
 * @property {string} group_id 16..16 bytes, base64url
 * @property {number} leaf 0..1023
 */

/**
 * @typedef {object} KeyPackage
 * @property {"key_package"} type
 * @property {number} id 1..2147483647
 * @property {string} data 1..2048 bytes, base64url
 */

/**
 * @typedef {object} Joiner
 * @property {number} participant 1..4294967295
 * @property {number} leaf 0..1023
 * @property {string} secrets 1..4096 bytes, base64url
 */

/**
 * @typedef {object} Commit
 * @property {"commit"} type
 * @property {number} id 1..2147483647
 * @property {string} data 1..131072 bytes, base64url
 * @property {string} [group_info] 1..524288 bytes, base64url
 * @property {Joiner[]} [added] 1..64
 */

/**
 * @typedef {object} Propose
 * @property {"propose"} type
 * @property {number} id 1..2147483647
 * @property {string} data 1..4096 bytes, base64url
 */

/**
 * @typedef {object} LogGet
 * @property {"log_get"} type
 * @property {number} id 1..2147483647
 * @property {number} from 1..9007199254740991
 */

/**
 * @typedef {object} Stuck
 * @property {"stuck"} type
 * @property {number} id 1..2147483647
 * @property {number} epoch 0..9007199254740991
 * @property {string} hash 32..32 bytes, base64url
 */

/**
 * @typedef {object} StreamKey
 * @property {"stream_key"} type
 * @property {number} id 1..2147483647
 * @property {Kind} kind
 * @property {string} name 1..64
 */

/**
 * @typedef {object} RevokeStreamKey
 * @property {"revoke_stream_key"} type
 * @property {number} id 1..2147483647
 * @property {number} number 1..2147483647
 */

/**
 * @typedef {object} OpenBreakouts
 * @property {"open_breakouts"} type
 * @property {number} id 1..2147483647
 * @property {number} count 1..20
 */

/**
 * @typedef {object} CloseBreakouts
 * @property {"close_breakouts"} type
 * @property {number} id 1..2147483647
 */

/**
 * @typedef {object} End
 * @property {"end"} type
 * @property {number} id 1..2147483647
 */

/**
 * @typedef {object} Active
 * @property {"active"} type
 * @property {number} id 1..2147483647
 */

/**
 * @typedef {object} Leave
 * @property {"leave"} type
 * @property {number} id 1..2147483647
 * @property {number} [heir] 1..4294967295
 */

/**
 * @typedef {object} OK
 * @property {"ok"} type
 * @property {number} id 1..2147483647
 */

/**
 * @typedef {object} StreamKeyMade
 * @property {"stream_key"} type
 * @property {number} id 1..2147483647
 * @property {number} number 1..2147483647
 * @property {Kind} kind
 * @property {string} key 64..64
 */

/**
 * @typedef {object} Breakouts
 * @property {"breakouts"} type
 * @property {number} id 1..2147483647
 * @property {string[]} meetings 1..20
 */

/**
 * @typedef {object} Lobby
 * @property {"lobby"} type
 * @property {number} [id] 1..2147483647
 * @property {string} title 0..80
 * @property {number} waiting
 * @property {boolean} hosts_present
 */

/**
 * @typedef {object} MeetingState
 * @property {string} meeting
 * @property {string} title 0..80
 * @property {boolean} locked
 * @property {boolean} lobby
 * @property {boolean} e2ee
 * @property {boolean} [private_audio]
 * @property {boolean} [confidential]
 * @property {boolean} [no_chat]
 * @property {number} [spotlight] 1..4294967295
 * @property {string} expires_at
 * @property {string} server_time
 */

/**
 * @typedef {object} RosterEntry
 * @property {number} participant 1..4294967295
 * @property {string} name 0..64
 * @property {Role} role
 * @property {Source[]} sources 0..4
 * @property {number} hand
 * @property {boolean} connected
 * @property {Kind} [kind]
 * @property {string} [announce] 33..512 bytes, base64url
 * @property {string} [admit] 1..1024 bytes, base64url
 */

/**
 * @typedef {object} WaitingEntry
 * @property {number} participant 1..4294967295
 * @property {string} name 0..64
 * @property {string} [email]
 * @property {string} since
 * @property {Kind} [kind]
 * @property {string} [announce] 33..512 bytes, base64url
 */

/**
 * @typedef {object} ICEServer
 * @property {string[]} urls 1..8
 * @property {string} username 1..128
 * @property {string} credential 1..128
 */

/**
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {number} id 1..2147483647
 * @property {number} version
 * @property {number} participant 1..4294967295
 * @property {Role} role
 * @property {Permission[]} permissions 0..16
 * @property {string} resume
 * @property {boolean} resumed
 * @property {MeetingState} meeting
 * @property {RosterEntry[]} participants
 * @property {WaitingEntry[]} waiting 0..256
 * @property {Record<string, string>} [role_names]
 * @property {string} [admit] 1..1024 bytes, base64url
 * @property {ICEServer[]} [ice_servers] 1..8
 */

/**
 * @typedef {object} Answer
 * @property {"answer"} type
 * @property {number} id 1..2147483647
 * @property {string} sdp
 */

/**
 * @typedef {object} Slot
 * @property {string} mid 1..16
 * @property {number} participant 0..4294967295
 * @property {Source} [source]
 * @property {number} [height]
 */

/**
 * @typedef {object} Withheld
 * @property {number} participant 1..4294967295
 * @property {Source} source
 * @property {WithheldReason} reason
 */

/**
 * @typedef {object} Slots
 * @property {"slots"} type
 * @property {Slot[]} slots
 * @property {Withheld[]} [withheld]
 */

/**
 * @typedef {object} Encode
 * @property {"encode"} type
 * @property {Source} source
 * @property {RID[]} rids 0..4
 */

/**
 * @typedef {object} LeftEntry
 * @property {number} participant 1..4294967295
 * @property {LeftReason} reason
 */

/**
 * @typedef {object} Roster
 * @property {"roster"} type
 * @property {RosterEntry[]} [joined]
 * @property {RosterEntry[]} [changed]
 * @property {LeftEntry[]} [left]
 */

/**
 * @typedef {object} Speakers
 * @property {"speakers"} type
 * @property {number[]} speakers
 */

/**
 * @typedef {object} ChatEvent
 * @property {"chat"} type
 * @property {number} from 1..4294967295
 * @property {number} [to] 1..4294967295
 * @property {string} text 1..2000
 * @property {string} at
 */

/**
 * @typedef {object} AppEvent
 * @property {"app"} type
 * @property {number} from 1..4294967295
 * @property {number} [to] 1..4294967295
 * @property {string} text 1..8000
 */

/**
 * @typedef {object} Reaction
 * @property {"reaction"} type
 * @property {number} from 1..4294967295
 * @property {ReactionKind} reaction
 */

/**
 * @typedef {object} Waiting
 * @property {"waiting"} type
 * @property {WaitingEntry[]} waiting 0..256
 */

/**
 * @typedef {object} Muted
 * @property {"muted"} type
 * @property {number} by 1..4294967295
 * @property {Source[]} sources 1..4
 */

/**
 * @typedef {object} AskUnmuteEvent
 * @property {"ask_unmute"} type
 * @property {number} by 1..4294967295
 * @property {Source[]} sources 1..4
 */

/**
 * @typedef {object} Permissions
 * @property {"permissions"} type
 * @property {Role} role
 * @property {Permission[]} permissions 0..16
 */

/**
 * @typedef {object} PolicyEvent
 * @property {"policy"} type
 * @property {boolean} locked
 * @property {boolean} lobby
 */

/**
 * @typedef {object} SpotlightEvent
 * @property {"spotlight"} type
 * @property {number} participant 0..4294967295
 * @property {number} [by] 1..4294967295
 */

/**
 * @typedef {object} TimerEvent
 * @property {"timer"} type
 * @property {number} left_ms 0..172800000
 * @property {number} [by] 1..4294967295
 */

/**
 * @typedef {object} QualityOf
 * @property {number} participant 1..4294967295
 * @property {number} bars 0..4
 */

/**
 * @typedef {object} Quality
 * @property {"quality"} type
 * @property {QualityOf[]} quality
 */

/**
 * @typedef {object} Relayed
 * @property {number} from 1..4294967295
 * @property {string} data 1..2048 bytes, base64url
 */

/**
 * @typedef {object} Relays
 * @property {"relays"} type
 * @property {Relayed[]} relays
 */

/**
 * @typedef {object} BroadcastEvent
 * @property {"broadcast"} type
 * @property {number} from 1..4294967295
 * @property {BroadcastKind} kind
 * @property {string} at
 * @property {string} data 1..12288 bytes, base64url
 */

/**
 * @typedef {object} Group
 * @property {"group"} type
 * @property {string} server_key 32..32 bytes, base64url
 * @property {string} [group_id] 16..16 bytes, base64url
 * @property {number} position 0..9007199254740991
 * @property {number} epoch 0..9007199254740991
 * @property {boolean} [found]
 */

/**
 * @typedef {object} KeyPackageOf
 * @property {number} participant 1..4294967295
 * @property {string} data 1..2048 bytes, base64url
 */

/**
 * @typedef {object} KeyPackages
 * @property {"key_packages"} type
 * @property {number} turn 0..3
 * @property {KeyPackageOf[]} packages 1..64
 */

/**
 * @typedef {object} LogEntry
 * @property {number} position 1..9007199254740991
 * @property {number} from 0..4294967295
 * @property {string} data 1..131072 bytes, base64url
 */

/**
 * @typedef {object} Log
 * @property {"log"} type
 * @property {LogEntry[]} entries
 */

/**
 * @typedef {object} Secrets
 * @property {"secrets"} type
 * @property {number} position 1..9007199254740991
 * @property {string} group_info 1..524288 bytes, base64url
 * @property {Joiner[]} joiners 1..64
 */

/**
 * @typedef {object} StuckEvent
 * @property {"stuck"} type
 * @property {number} participant 1..4294967295
 * @property {number} epoch 0..9007199254740991
 * @property {string} hash 32..32 bytes, base64url
 */

/**
 * @typedef {object} MediaRefused
 * @property {"media_refused"} type
 * @property {Source} source
 * @property {RefusedReason} reason
 */

/**
 * @typedef {object} MediaFailed
 * @property {"media_failed"} type
 * @property {MediaFailure} reason
 * @property {boolean} final
 * @property {string} message
 */

/**
 * @typedef {object} Warning
 * @property {string} mid 1..16
 * @property {WarningKind} warning
 * @property {string} message
 */

/**
 * @typedef {object} Warnings
 * @property {"warnings"} type
 * @property {Warning[]} warnings 1..128
 */

/**
 * @typedef {object} Notice
 * @property {"notice"} type
 * @property {NoticeKind} notice
 * @property {number} in_s
 */

/**
 * @typedef {object} Idle
 * @property {"idle"} type
 * @property {number} in_s
 */

/**
 * @typedef {object} Bye
 * @property {"bye"} type
 * @property {ByeReason} reason
 * @property {string} message
 */

/**
 * @typedef {object} Error
 * @property {"error"} type
 * @property {number} [id] 1..2147483647
 * @property {ErrorID} error
 * @property {string} message
 * @property {boolean} fatal
 * @property {number} [retry_after_s] 1..3600
 */

/**
 * @typedef {object} Config
 * @property {string} name
 * @property {string} operator
 * @property {string} version
 * @property {number} code_digits 6..8
 * @property {number} max_meeting_s
 * @property {boolean} guests
 * @property {boolean} confidential
 * @property {boolean} audited
 */

/**
 * @typedef {object} CodeRequest
 * @property {string} email 3..254
 */

/**
 * @typedef {object} Code
 * @property {number} expires_in_s
 * @property {number} resend_in_s
 * @property {number} digits
 * @property {Delivery} delivery
 */

/**
 * @typedef {object} CodeState
 * @property {Delivery} delivery
 */

/**
 * @typedef {object} VerifyRequest
 * @property {string} code 6..8
 */

/**
 * @typedef {object} Session
 * @property {string} [email]
 * @property {boolean} [guest]
 * @property {string} expires_at
 * @property {boolean} can_host
 * @property {boolean} [may_attack]
 */

/**
 * @typedef {object} Room
 * @property {string} key 32..32 bytes, base64url
 * @property {string} nonce 16..16 bytes, base64url
 * @property {string} challenge 32..32 bytes, base64url
 * @property {string} proof 64..64 bytes, base64url
 */

/**
 * @typedef {object} Create
 * @property {string} [title] 0..80
 * @property {string} [password] 1..128
 * @property {boolean} [lobby]
 * @property {LeavePolicy} [when_host_leaves]
 * @property {boolean} [e2ee]
 * @property {boolean} [private_audio]
 * @property {boolean} [confidential]
 * @property {boolean} [guests]
 * @property {Room} [room]
 */

/**
 * @typedef {object} Created
 * @property {string} meeting
 * @property {boolean} e2ee
 * @property {string} expires_at
 */

/**
 * @typedef {object} MeetingInfo
 * @property {string} meeting
 * @property {string} title 0..80
 * @property {boolean} password
 * @property {boolean} lobby
 * @property {boolean} locked
 * @property {boolean} e2ee
 * @property {boolean} [confidential]
 * @property {boolean} [guests]
 * @property {boolean} host
 * @property {number} participants
 * @property {string} expires_at
 */

/**
 * @typedef {object} PathCheck
 * @property {number} expires_in_s
 * @property {string} ice_ufrag 4..256
 * @property {string} ice_pwd 22..256
 * @property {string} fingerprint
 * @property {string[]} candidates 1..64
 * @property {ICEServer[]} ice_servers 0..8
 */

/**
 * @typedef {object} Challenge
 * @property {string} challenge 32..32 bytes, base64url
 */

/**
 * @typedef {object} Opened
 * @property {boolean} open
 */

/**
 * @typedef {object} HTTPError
 * @property {ErrorID} error
 * @property {string} message
 * @property {number} [retry_after_s]
 * @property {string} [puzzle]
 * @property {number} [parts]
 * @property {number} [bits]
 */

/** @typedef {Join | Offer | Media | View | Chat | App | React | Hand | Admit | Deny | Mute | AskUnmute | Remove | SetRole | Spotlight | Timer | SetPolicy | Relay | Broadcast | FoundGroup | KeyPackage | Commit | Propose | LogGet | Stuck | StreamKey | RevokeStreamKey | OpenBreakouts | CloseBreakouts | End | Active | Leave} ClientMessage what a client sends */

/** @typedef {OK | StreamKeyMade | Breakouts | Lobby | Welcome | Answer | Slots | Encode | Roster | Speakers | ChatEvent | AppEvent | Reaction | Waiting | Muted | AskUnmuteEvent | Permissions | PolicyEvent | SpotlightEvent | TimerEvent | Quality | Relays | BroadcastEvent | Group | KeyPackages | Log | Secrets | StuckEvent | MediaRefused | MediaFailed | Warnings | Notice | Idle | Bye | Error} ServerMessage what the server sends */
